import * as $protobuf from "protobufjs";
import type Long from "long";

/** Namespace reg. */
export namespace reg {

    /**
     * Properties of a XLRegMsg.
     * @deprecated Use reg.XLRegMsg.$Properties instead.
     */
    interface IXLRegMsg extends reg.XLRegMsg.$Properties {
    }

    /** Represents a XLRegMsg. */
    class XLRegMsg {

        /**
         * Constructs a new XLRegMsg.
         * @param [properties] Properties to set
         */
        constructor(properties?: reg.XLRegMsg.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** XLRegMsg Op. */
        Op?: (reg.XLRegMsg.Tag|null);

        /** XLRegMsg AesIV. */
        AesIV?: (Uint8Array|null);

        /** XLRegMsg AesKey. */
        AesKey?: (Uint8Array|null);

        /** XLRegMsg Salt1. */
        Salt1?: (Uint8Array|null);

        /** XLRegMsg Salt2. */
        Salt2?: (Uint8Array|null);

        /** XLRegMsg Version. */
        Version?: (number|null);

        /** XLRegMsg ClientName. */
        ClientName?: (string|null);

        /** XLRegMsg ClientID. */
        ClientID?: (Uint8Array|null);

        /** XLRegMsg ClientAttrs. */
        ClientAttrs?: (Long|null);

        /** XLRegMsg ClientSpecs. */
        ClientSpecs?: (reg.XLRegMsg.Token.$Properties|null);

        /** XLRegMsg ClusterID. */
        ClusterID?: (Uint8Array|null);

        /** XLRegMsg ClusterName. */
        ClusterName?: (string|null);

        /** XLRegMsg ClusterSize. */
        ClusterSize?: (number|null);

        /** XLRegMsg ClusterAttrs. */
        ClusterAttrs?: (Long|null);

        /** XLRegMsg EndPointCount. */
        EndPointCount?: (number|null);

        /** XLRegMsg Which. */
        Which?: (Long|null);

        /** XLRegMsg Tokens. */
        Tokens: reg.XLRegMsg.Token.$Properties[];

        /** XLRegMsg DigSig. */
        DigSig?: (Uint8Array|null);

        /** XLRegMsg ErrDesc. */
        ErrDesc?: (string|null);

        /** XLRegMsg Code. */
        Code?: (number|null);

        /** XLRegMsg Retryable. */
        Retryable?: (boolean|null);

        /** XLRegMsg RetryAfterMs. */
        RetryAfterMs?: (number|null);

        /** XLRegMsg ObservedAddress. */
        ObservedAddress?: (string|null);

        /** XLRegMsg RecordedSeq. */
        RecordedSeq?: (Long|null);

        /** XLRegMsg ClusterVersion. */
        ClusterVersion?: (Long|null);

        /** XLRegMsg WaitFor. */
        WaitFor?: (number|null);

        /** XLRegMsg Existed. */
        Existed?: (boolean|null);

        /** XLRegMsg ConfirmMs. */
        ConfirmMs?: (number|null);

        /** XLRegMsg Round. */
        Round?: (Uint8Array|null);

        /** XLRegMsg Confirmed. */
        Confirmed?: (Long|null);

        /** XLRegMsg Epoch. */
        Epoch?: (Long|null);

        /** XLRegMsg KnownVersion. */
        KnownVersion?: (Long|null);

        /** XLRegMsg History. */
        History?: (Uint8Array|null);

        /** XLRegMsg WaitMs. */
        WaitMs?: (number|null);

        /** XLRegMsg Emptied. */
        Emptied?: (Long|null);

        /** XLRegMsg RosterHash. */
        RosterHash?: (Uint8Array|null);

        /** XLRegMsg YourSeat. */
        YourSeat?: (number|null);

        /** XLRegMsg JoinToken. */
        JoinToken?: (Uint8Array|null);

        /** XLRegMsg JoinTokens. */
        JoinTokens: reg.XLRegMsg.TokenSpec.$Properties[];

        /** XLRegMsg TokenHashes. */
        TokenHashes: Uint8Array[];

        /** XLRegMsg RosterBody. */
        RosterBody?: (Uint8Array|null);

        /** XLRegMsg RosterSignature. */
        RosterSignature?: (Uint8Array|null);

        /**
         * Encodes the specified XLRegMsg message. Does not implicitly {@link reg.XLRegMsg.verify|verify} messages.
         * @param message XLRegMsg message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: reg.XLRegMsg.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a XLRegMsg message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {reg.XLRegMsg & reg.XLRegMsg.$Shape} XLRegMsg
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): reg.XLRegMsg & reg.XLRegMsg.$Shape;
    }

    namespace XLRegMsg {

        /** Properties of a XLRegMsg. */
        interface $Properties {

            /** XLRegMsg Op */
            Op?: (reg.XLRegMsg.Tag|null);

            /** XLRegMsg AesIV */
            AesIV?: (Uint8Array|null);

            /** XLRegMsg AesKey */
            AesKey?: (Uint8Array|null);

            /** XLRegMsg Salt1 */
            Salt1?: (Uint8Array|null);

            /** XLRegMsg Salt2 */
            Salt2?: (Uint8Array|null);

            /** XLRegMsg Version */
            Version?: (number|null);

            /** XLRegMsg ClientName */
            ClientName?: (string|null);

            /** XLRegMsg ClientID */
            ClientID?: (Uint8Array|null);

            /** XLRegMsg ClientAttrs */
            ClientAttrs?: (Long|null);

            /** XLRegMsg ClientSpecs */
            ClientSpecs?: (reg.XLRegMsg.Token.$Properties|null);

            /** XLRegMsg ClusterID */
            ClusterID?: (Uint8Array|null);

            /** XLRegMsg ClusterName */
            ClusterName?: (string|null);

            /** XLRegMsg ClusterSize */
            ClusterSize?: (number|null);

            /** XLRegMsg ClusterAttrs */
            ClusterAttrs?: (Long|null);

            /** XLRegMsg EndPointCount */
            EndPointCount?: (number|null);

            /** XLRegMsg Which */
            Which?: (Long|null);

            /** XLRegMsg Tokens */
            Tokens?: (reg.XLRegMsg.Token.$Properties[]|null);

            /** XLRegMsg DigSig */
            DigSig?: (Uint8Array|null);

            /** XLRegMsg ErrDesc */
            ErrDesc?: (string|null);

            /** XLRegMsg Code */
            Code?: (number|null);

            /** XLRegMsg Retryable */
            Retryable?: (boolean|null);

            /** XLRegMsg RetryAfterMs */
            RetryAfterMs?: (number|null);

            /** XLRegMsg ObservedAddress */
            ObservedAddress?: (string|null);

            /** XLRegMsg RecordedSeq */
            RecordedSeq?: (Long|null);

            /** XLRegMsg ClusterVersion */
            ClusterVersion?: (Long|null);

            /** XLRegMsg WaitFor */
            WaitFor?: (number|null);

            /** XLRegMsg Existed */
            Existed?: (boolean|null);

            /** XLRegMsg ConfirmMs */
            ConfirmMs?: (number|null);

            /** XLRegMsg Round */
            Round?: (Uint8Array|null);

            /** XLRegMsg Confirmed */
            Confirmed?: (Long|null);

            /** XLRegMsg Epoch */
            Epoch?: (Long|null);

            /** XLRegMsg KnownVersion */
            KnownVersion?: (Long|null);

            /** XLRegMsg History */
            History?: (Uint8Array|null);

            /** XLRegMsg WaitMs */
            WaitMs?: (number|null);

            /** XLRegMsg Emptied */
            Emptied?: (Long|null);

            /** XLRegMsg RosterHash */
            RosterHash?: (Uint8Array|null);

            /** XLRegMsg YourSeat */
            YourSeat?: (number|null);

            /** XLRegMsg JoinToken */
            JoinToken?: (Uint8Array|null);

            /** XLRegMsg JoinTokens */
            JoinTokens?: (reg.XLRegMsg.TokenSpec.$Properties[]|null);

            /** XLRegMsg TokenHashes */
            TokenHashes?: (Uint8Array[]|null);

            /** XLRegMsg RosterBody */
            RosterBody?: (Uint8Array|null);

            /** XLRegMsg RosterSignature */
            RosterSignature?: (Uint8Array|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a XLRegMsg. */
        type $Shape = reg.XLRegMsg.$Properties;

        /** Tag enum. */
        enum Tag {

            /** RegCredRequest value */
            RegCredRequest = 1,

            /** RegCredReply value */
            RegCredReply = 2,

            /** Client value */
            Client = 3,

            /** ClientOK value */
            ClientOK = 4,

            /** Create value */
            Create = 5,

            /** CreateReply value */
            CreateReply = 6,

            /** Join value */
            Join = 7,

            /** JoinReply value */
            JoinReply = 8,

            /** GetCluster value */
            GetCluster = 9,

            /** ClusterMembers value */
            ClusterMembers = 10,

            /** Bye value */
            Bye = 11,

            /** Ack value */
            Ack = 12,

            /** Error value */
            Error = 13,

            /** Leave value */
            Leave = 32,

            /** LeaveReply value */
            LeaveReply = 33,

            /** ChangeTokens value */
            ChangeTokens = 34,

            /** TokensReply value */
            TokensReply = 35,

            /** GetRoster value */
            GetRoster = 36,

            /** SavedRoster value */
            SavedRoster = 37
        }

        /**
         * Properties of a Token.
         * @deprecated Use reg.XLRegMsg.Token.$Properties instead.
         */
        interface IToken extends reg.XLRegMsg.Token.$Properties {
        }

        /** Represents a Token. */
        class Token {

            /**
             * Constructs a new Token.
             * @param [properties] Properties to set
             */
            constructor(properties?: reg.XLRegMsg.Token.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Token Name. */
            Name?: (string|null);

            /** Token Attrs. */
            Attrs?: (Long|null);

            /** Token ID. */
            ID?: (Uint8Array|null);

            /** Token CommsKey. */
            CommsKey?: (Uint8Array|null);

            /** Token SigKey. */
            SigKey?: (Uint8Array|null);

            /** Token MyEnds. */
            MyEnds: string[];

            /** Token DigSig. */
            DigSig?: (Uint8Array|null);

            /** Token SealKey. */
            SealKey?: (Uint8Array|null);

            /** Token Seq. */
            Seq?: (Long|null);

            /** Token Statement. */
            Statement?: (Uint8Array|null);

            /** Token Labels. */
            Labels?: (string|null);

            /**
             * Encodes the specified Token message. Does not implicitly {@link reg.XLRegMsg.Token.verify|verify} messages.
             * @param message Token message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: reg.XLRegMsg.Token.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Token message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {reg.XLRegMsg.Token & reg.XLRegMsg.Token.$Shape} Token
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): reg.XLRegMsg.Token & reg.XLRegMsg.Token.$Shape;
        }

        namespace Token {

            /** Properties of a Token. */
            interface $Properties {

                /** Token Name */
                Name?: (string|null);

                /** Token Attrs */
                Attrs?: (Long|null);

                /** Token ID */
                ID?: (Uint8Array|null);

                /** Token CommsKey */
                CommsKey?: (Uint8Array|null);

                /** Token SigKey */
                SigKey?: (Uint8Array|null);

                /** Token MyEnds */
                MyEnds?: (string[]|null);

                /** Token DigSig */
                DigSig?: (Uint8Array|null);

                /** Token SealKey */
                SealKey?: (Uint8Array|null);

                /** Token Seq */
                Seq?: (Long|null);

                /** Token Statement */
                Statement?: (Uint8Array|null);

                /** Token Labels */
                Labels?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Token. */
            type $Shape = reg.XLRegMsg.Token.$Properties;
        }

        /**
         * Properties of a TokenSpec.
         * @deprecated Use reg.XLRegMsg.TokenSpec.$Properties instead.
         */
        interface ITokenSpec extends reg.XLRegMsg.TokenSpec.$Properties {
        }

        /** Represents a TokenSpec. */
        class TokenSpec {

            /**
             * Constructs a new TokenSpec.
             * @param [properties] Properties to set
             */
            constructor(properties?: reg.XLRegMsg.TokenSpec.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** TokenSpec Hash. */
            Hash?: (Uint8Array|null);

            /** TokenSpec Uses. */
            Uses?: (number|null);

            /** TokenSpec TtlMs. */
            TtlMs?: (Long|null);

            /** TokenSpec ForName. */
            ForName?: (string|null);

            /** TokenSpec Replace. */
            Replace?: (boolean|null);

            /** TokenSpec Observer. */
            Observer?: (boolean|null);

            /** TokenSpec Left. */
            Left?: (number|null);

            /**
             * Encodes the specified TokenSpec message. Does not implicitly {@link reg.XLRegMsg.TokenSpec.verify|verify} messages.
             * @param message TokenSpec message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: reg.XLRegMsg.TokenSpec.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a TokenSpec message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {reg.XLRegMsg.TokenSpec & reg.XLRegMsg.TokenSpec.$Shape} TokenSpec
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): reg.XLRegMsg.TokenSpec & reg.XLRegMsg.TokenSpec.$Shape;
        }

        namespace TokenSpec {

            /** Properties of a TokenSpec. */
            interface $Properties {

                /** TokenSpec Hash */
                Hash?: (Uint8Array|null);

                /** TokenSpec Uses */
                Uses?: (number|null);

                /** TokenSpec TtlMs */
                TtlMs?: (Long|null);

                /** TokenSpec ForName */
                ForName?: (string|null);

                /** TokenSpec Replace */
                Replace?: (boolean|null);

                /** TokenSpec Observer */
                Observer?: (boolean|null);

                /** TokenSpec Left */
                Left?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a TokenSpec. */
            type $Shape = reg.XLRegMsg.TokenSpec.$Properties;
        }
    }
}
