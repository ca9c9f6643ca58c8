/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

// Common aliases
const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

// Exported root namespace
const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const reg = $root.reg = (() => {

    /**
     * Namespace reg.
     * @exports reg
     * @namespace
     */
    const reg = {};

    reg.XLRegMsg = (function() {

        /**
         * Properties of a XLRegMsg.
         * @typedef {Object} reg.XLRegMsg.$Properties
         * @property {reg.XLRegMsg.Tag|null} [Op] XLRegMsg Op
         * @property {Uint8Array|null} [AesIV] XLRegMsg AesIV
         * @property {Uint8Array|null} [AesKey] XLRegMsg AesKey
         * @property {Uint8Array|null} [Salt1] XLRegMsg Salt1
         * @property {Uint8Array|null} [Salt2] XLRegMsg Salt2
         * @property {number|null} [Version] XLRegMsg Version
         * @property {string|null} [ClientName] XLRegMsg ClientName
         * @property {Uint8Array|null} [ClientID] XLRegMsg ClientID
         * @property {Long|null} [ClientAttrs] XLRegMsg ClientAttrs
         * @property {reg.XLRegMsg.Token.$Properties|null} [ClientSpecs] XLRegMsg ClientSpecs
         * @property {Uint8Array|null} [ClusterID] XLRegMsg ClusterID
         * @property {string|null} [ClusterName] XLRegMsg ClusterName
         * @property {number|null} [ClusterSize] XLRegMsg ClusterSize
         * @property {Long|null} [ClusterAttrs] XLRegMsg ClusterAttrs
         * @property {number|null} [EndPointCount] XLRegMsg EndPointCount
         * @property {Long|null} [Which] XLRegMsg Which
         * @property {Array.<reg.XLRegMsg.Token.$Properties>|null} [Tokens] XLRegMsg Tokens
         * @property {Uint8Array|null} [DigSig] XLRegMsg DigSig
         * @property {string|null} [ErrDesc] XLRegMsg ErrDesc
         * @property {number|null} [Code] XLRegMsg Code
         * @property {boolean|null} [Retryable] XLRegMsg Retryable
         * @property {number|null} [RetryAfterMs] XLRegMsg RetryAfterMs
         * @property {string|null} [ObservedAddress] XLRegMsg ObservedAddress
         * @property {Long|null} [RecordedSeq] XLRegMsg RecordedSeq
         * @property {Long|null} [ClusterVersion] XLRegMsg ClusterVersion
         * @property {number|null} [WaitFor] XLRegMsg WaitFor
         * @property {boolean|null} [Existed] XLRegMsg Existed
         * @property {number|null} [ConfirmMs] XLRegMsg ConfirmMs
         * @property {Uint8Array|null} [Round] XLRegMsg Round
         * @property {Long|null} [Confirmed] XLRegMsg Confirmed
         * @property {Long|null} [Epoch] XLRegMsg Epoch
         * @property {Long|null} [KnownVersion] XLRegMsg KnownVersion
         * @property {Uint8Array|null} [History] XLRegMsg History
         * @property {number|null} [WaitMs] XLRegMsg WaitMs
         * @property {Long|null} [Emptied] XLRegMsg Emptied
         * @property {Uint8Array|null} [RosterHash] XLRegMsg RosterHash
         * @property {number|null} [YourSeat] XLRegMsg YourSeat
         * @property {Uint8Array|null} [JoinToken] XLRegMsg JoinToken
         * @property {Array.<reg.XLRegMsg.TokenSpec.$Properties>|null} [JoinTokens] XLRegMsg JoinTokens
         * @property {Array.<Uint8Array>|null} [TokenHashes] XLRegMsg TokenHashes
         * @property {Uint8Array|null} [RosterBody] XLRegMsg RosterBody
         * @property {Uint8Array|null} [RosterSignature] XLRegMsg RosterSignature
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */

        /**
         * Properties of a XLRegMsg.
         * @memberof reg
         * @interface IXLRegMsg
         * @augments reg.XLRegMsg.$Properties
         * @deprecated Use reg.XLRegMsg.$Properties instead.
         */

        /**
         * Shape of a XLRegMsg.
         * @typedef {reg.XLRegMsg.$Properties} reg.XLRegMsg.$Shape
         */

        /**
         * Constructs a new XLRegMsg.
         * @memberof reg
         * @classdesc Represents a XLRegMsg.
         * @constructor
         * @param {reg.XLRegMsg.$Properties=} [properties] Properties to set
         * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
         */
        const XLRegMsg = function (properties) {
            this.Tokens = [];
            this.JoinTokens = [];
            this.TokenHashes = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        /**
         * XLRegMsg Op.
         * @member {reg.XLRegMsg.Tag|null|undefined} Op
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Op = null;

        /**
         * XLRegMsg AesIV.
         * @member {Uint8Array|null|undefined} AesIV
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.AesIV = null;

        /**
         * XLRegMsg AesKey.
         * @member {Uint8Array|null|undefined} AesKey
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.AesKey = null;

        /**
         * XLRegMsg Salt1.
         * @member {Uint8Array|null|undefined} Salt1
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Salt1 = null;

        /**
         * XLRegMsg Salt2.
         * @member {Uint8Array|null|undefined} Salt2
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Salt2 = null;

        /**
         * XLRegMsg Version.
         * @member {number|null|undefined} Version
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Version = null;

        /**
         * XLRegMsg ClientName.
         * @member {string|null|undefined} ClientName
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClientName = null;

        /**
         * XLRegMsg ClientID.
         * @member {Uint8Array|null|undefined} ClientID
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClientID = null;

        /**
         * XLRegMsg ClientAttrs.
         * @member {Long|null|undefined} ClientAttrs
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClientAttrs = null;

        /**
         * XLRegMsg ClientSpecs.
         * @member {reg.XLRegMsg.Token.$Properties|null|undefined} ClientSpecs
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClientSpecs = null;

        /**
         * XLRegMsg ClusterID.
         * @member {Uint8Array|null|undefined} ClusterID
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClusterID = null;

        /**
         * XLRegMsg ClusterName.
         * @member {string|null|undefined} ClusterName
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClusterName = null;

        /**
         * XLRegMsg ClusterSize.
         * @member {number|null|undefined} ClusterSize
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClusterSize = null;

        /**
         * XLRegMsg ClusterAttrs.
         * @member {Long|null|undefined} ClusterAttrs
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClusterAttrs = null;

        /**
         * XLRegMsg EndPointCount.
         * @member {number|null|undefined} EndPointCount
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.EndPointCount = null;

        /**
         * XLRegMsg Which.
         * @member {Long|null|undefined} Which
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Which = null;

        /**
         * XLRegMsg Tokens.
         * @member {Array.<reg.XLRegMsg.Token.$Properties>} Tokens
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Tokens = $util.emptyArray;

        /**
         * XLRegMsg DigSig.
         * @member {Uint8Array|null|undefined} DigSig
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.DigSig = null;

        /**
         * XLRegMsg ErrDesc.
         * @member {string|null|undefined} ErrDesc
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ErrDesc = null;

        /**
         * XLRegMsg Code.
         * @member {number|null|undefined} Code
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Code = null;

        /**
         * XLRegMsg Retryable.
         * @member {boolean|null|undefined} Retryable
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Retryable = null;

        /**
         * XLRegMsg RetryAfterMs.
         * @member {number|null|undefined} RetryAfterMs
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.RetryAfterMs = null;

        /**
         * XLRegMsg ObservedAddress.
         * @member {string|null|undefined} ObservedAddress
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ObservedAddress = null;

        /**
         * XLRegMsg RecordedSeq.
         * @member {Long|null|undefined} RecordedSeq
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.RecordedSeq = null;

        /**
         * XLRegMsg ClusterVersion.
         * @member {Long|null|undefined} ClusterVersion
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ClusterVersion = null;

        /**
         * XLRegMsg WaitFor.
         * @member {number|null|undefined} WaitFor
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.WaitFor = null;

        /**
         * XLRegMsg Existed.
         * @member {boolean|null|undefined} Existed
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Existed = null;

        /**
         * XLRegMsg ConfirmMs.
         * @member {number|null|undefined} ConfirmMs
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.ConfirmMs = null;

        /**
         * XLRegMsg Round.
         * @member {Uint8Array|null|undefined} Round
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Round = null;

        /**
         * XLRegMsg Confirmed.
         * @member {Long|null|undefined} Confirmed
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Confirmed = null;

        /**
         * XLRegMsg Epoch.
         * @member {Long|null|undefined} Epoch
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Epoch = null;

        /**
         * XLRegMsg KnownVersion.
         * @member {Long|null|undefined} KnownVersion
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.KnownVersion = null;

        /**
         * XLRegMsg History.
         * @member {Uint8Array|null|undefined} History
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.History = null;

        /**
         * XLRegMsg WaitMs.
         * @member {number|null|undefined} WaitMs
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.WaitMs = null;

        /**
         * XLRegMsg Emptied.
         * @member {Long|null|undefined} Emptied
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.Emptied = null;

        /**
         * XLRegMsg RosterHash.
         * @member {Uint8Array|null|undefined} RosterHash
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.RosterHash = null;

        /**
         * XLRegMsg YourSeat.
         * @member {number|null|undefined} YourSeat
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.YourSeat = null;

        /**
         * XLRegMsg JoinToken.
         * @member {Uint8Array|null|undefined} JoinToken
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.JoinToken = null;

        /**
         * XLRegMsg JoinTokens.
         * @member {Array.<reg.XLRegMsg.TokenSpec.$Properties>} JoinTokens
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.JoinTokens = $util.emptyArray;

        /**
         * XLRegMsg TokenHashes.
         * @member {Array.<Uint8Array>} TokenHashes
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.TokenHashes = $util.emptyArray;

        /**
         * XLRegMsg RosterBody.
         * @member {Uint8Array|null|undefined} RosterBody
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.RosterBody = null;

        /**
         * XLRegMsg RosterSignature.
         * @member {Uint8Array|null|undefined} RosterSignature
         * @memberof reg.XLRegMsg
         * @instance
         */
        XLRegMsg.prototype.RosterSignature = null;

        /**
         * Encodes the specified XLRegMsg message. Does not implicitly {@link reg.XLRegMsg.verify|verify} messages.
         * @function encode
         * @memberof reg.XLRegMsg
         * @static
         * @param {reg.XLRegMsg.$Properties} message XLRegMsg message or plain object to encode
         * @param {$protobuf.Writer} [writer] Writer to encode to
         * @returns {$protobuf.Writer} Writer
         */
        XLRegMsg.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.Op != null && $Object.hasOwnProperty.call(message, "Op"))
                writer.uint32(/* id 1, wireType 0 =*/8).int32(message.Op);
            if (message.AesIV != null && $Object.hasOwnProperty.call(message, "AesIV"))
                writer.uint32(/* id 2, wireType 2 =*/18).bytes(message.AesIV);
            if (message.AesKey != null && $Object.hasOwnProperty.call(message, "AesKey"))
                writer.uint32(/* id 3, wireType 2 =*/26).bytes(message.AesKey);
            if (message.Salt1 != null && $Object.hasOwnProperty.call(message, "Salt1"))
                writer.uint32(/* id 4, wireType 2 =*/34).bytes(message.Salt1);
            if (message.Salt2 != null && $Object.hasOwnProperty.call(message, "Salt2"))
                writer.uint32(/* id 5, wireType 2 =*/42).bytes(message.Salt2);
            if (message.Version != null && $Object.hasOwnProperty.call(message, "Version"))
                writer.uint32(/* id 6, wireType 0 =*/48).uint32(message.Version);
            if (message.ClientName != null && $Object.hasOwnProperty.call(message, "ClientName"))
                writer.uint32(/* id 8, wireType 2 =*/66).string(message.ClientName);
            if (message.ClientID != null && $Object.hasOwnProperty.call(message, "ClientID"))
                writer.uint32(/* id 9, wireType 2 =*/74).bytes(message.ClientID);
            if (message.ClientAttrs != null && $Object.hasOwnProperty.call(message, "ClientAttrs"))
                writer.uint32(/* id 10, wireType 0 =*/80).uint64(message.ClientAttrs);
            if (message.ClientSpecs != null && $Object.hasOwnProperty.call(message, "ClientSpecs"))
                $root.reg.XLRegMsg.Token.encode(message.ClientSpecs, writer.uint32(/* id 11, wireType 2 =*/90).fork(), _depth + 1).ldelim();
            if (message.ClusterID != null && $Object.hasOwnProperty.call(message, "ClusterID"))
                writer.uint32(/* id 13, wireType 2 =*/106).bytes(message.ClusterID);
            if (message.ClusterName != null && $Object.hasOwnProperty.call(message, "ClusterName"))
                writer.uint32(/* id 14, wireType 2 =*/114).string(message.ClusterName);
            if (message.ClusterSize != null && $Object.hasOwnProperty.call(message, "ClusterSize"))
                writer.uint32(/* id 15, wireType 0 =*/120).uint32(message.ClusterSize);
            if (message.ClusterAttrs != null && $Object.hasOwnProperty.call(message, "ClusterAttrs"))
                writer.uint32(/* id 16, wireType 0 =*/128).uint64(message.ClusterAttrs);
            if (message.EndPointCount != null && $Object.hasOwnProperty.call(message, "EndPointCount"))
                writer.uint32(/* id 17, wireType 0 =*/136).uint32(message.EndPointCount);
            if (message.Which != null && $Object.hasOwnProperty.call(message, "Which"))
                writer.uint32(/* id 20, wireType 0 =*/160).uint64(message.Which);
            if (message.Tokens != null && message.Tokens.length)
                for (let i = 0; i < message.Tokens.length; ++i)
                    $root.reg.XLRegMsg.Token.encode(message.Tokens[i], writer.uint32(/* id 21, wireType 2 =*/170).fork(), _depth + 1).ldelim();
            if (message.DigSig != null && $Object.hasOwnProperty.call(message, "DigSig"))
                writer.uint32(/* id 22, wireType 2 =*/178).bytes(message.DigSig);
            if (message.ErrDesc != null && $Object.hasOwnProperty.call(message, "ErrDesc"))
                writer.uint32(/* id 23, wireType 2 =*/186).string(message.ErrDesc);
            if (message.Code != null && $Object.hasOwnProperty.call(message, "Code"))
                writer.uint32(/* id 32, wireType 0 =*/256).uint32(message.Code);
            if (message.Retryable != null && $Object.hasOwnProperty.call(message, "Retryable"))
                writer.uint32(/* id 33, wireType 0 =*/264).bool(message.Retryable);
            if (message.RetryAfterMs != null && $Object.hasOwnProperty.call(message, "RetryAfterMs"))
                writer.uint32(/* id 34, wireType 0 =*/272).uint32(message.RetryAfterMs);
            if (message.ObservedAddress != null && $Object.hasOwnProperty.call(message, "ObservedAddress"))
                writer.uint32(/* id 35, wireType 2 =*/282).string(message.ObservedAddress);
            if (message.RecordedSeq != null && $Object.hasOwnProperty.call(message, "RecordedSeq"))
                writer.uint32(/* id 36, wireType 0 =*/288).uint64(message.RecordedSeq);
            if (message.ClusterVersion != null && $Object.hasOwnProperty.call(message, "ClusterVersion"))
                writer.uint32(/* id 37, wireType 0 =*/296).uint64(message.ClusterVersion);
            if (message.WaitFor != null && $Object.hasOwnProperty.call(message, "WaitFor"))
                writer.uint32(/* id 38, wireType 0 =*/304).uint32(message.WaitFor);
            if (message.Existed != null && $Object.hasOwnProperty.call(message, "Existed"))
                writer.uint32(/* id 39, wireType 0 =*/312).bool(message.Existed);
            if (message.ConfirmMs != null && $Object.hasOwnProperty.call(message, "ConfirmMs"))
                writer.uint32(/* id 40, wireType 0 =*/320).uint32(message.ConfirmMs);
            if (message.Round != null && $Object.hasOwnProperty.call(message, "Round"))
                writer.uint32(/* id 41, wireType 2 =*/330).bytes(message.Round);
            if (message.Confirmed != null && $Object.hasOwnProperty.call(message, "Confirmed"))
                writer.uint32(/* id 42, wireType 0 =*/336).uint64(message.Confirmed);
            if (message.Epoch != null && $Object.hasOwnProperty.call(message, "Epoch"))
                writer.uint32(/* id 43, wireType 0 =*/344).uint64(message.Epoch);
            if (message.KnownVersion != null && $Object.hasOwnProperty.call(message, "KnownVersion"))
                writer.uint32(/* id 44, wireType 0 =*/352).uint64(message.KnownVersion);
            if (message.History != null && $Object.hasOwnProperty.call(message, "History"))
                writer.uint32(/* id 45, wireType 2 =*/362).bytes(message.History);
            if (message.WaitMs != null && $Object.hasOwnProperty.call(message, "WaitMs"))
                writer.uint32(/* id 46, wireType 0 =*/368).uint32(message.WaitMs);
            if (message.Emptied != null && $Object.hasOwnProperty.call(message, "Emptied"))
                writer.uint32(/* id 47, wireType 0 =*/376).uint64(message.Emptied);
            if (message.RosterHash != null && $Object.hasOwnProperty.call(message, "RosterHash"))
                writer.uint32(/* id 48, wireType 2 =*/386).bytes(message.RosterHash);
            if (message.YourSeat != null && $Object.hasOwnProperty.call(message, "YourSeat"))
                writer.uint32(/* id 49, wireType 0 =*/392).uint32(message.YourSeat);
            if (message.JoinToken != null && $Object.hasOwnProperty.call(message, "JoinToken"))
                writer.uint32(/* id 50, wireType 2 =*/402).bytes(message.JoinToken);
            if (message.JoinTokens != null && message.JoinTokens.length)
                for (let i = 0; i < message.JoinTokens.length; ++i)
                    $root.reg.XLRegMsg.TokenSpec.encode(message.JoinTokens[i], writer.uint32(/* id 51, wireType 2 =*/410).fork(), _depth + 1).ldelim();
            if (message.TokenHashes != null && message.TokenHashes.length)
                for (let i = 0; i < message.TokenHashes.length; ++i)
                    writer.uint32(/* id 52, wireType 2 =*/418).bytes(message.TokenHashes[i]);
            if (message.RosterBody != null && $Object.hasOwnProperty.call(message, "RosterBody"))
                writer.uint32(/* id 60, wireType 2 =*/482).bytes(message.RosterBody);
            if (message.RosterSignature != null && $Object.hasOwnProperty.call(message, "RosterSignature"))
                writer.uint32(/* id 61, wireType 2 =*/490).bytes(message.RosterSignature);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        /**
         * Decodes a XLRegMsg message from the specified reader or buffer.
         * @function decode
         * @memberof reg.XLRegMsg
         * @static
         * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
         * @param {number} [length] Message length if known beforehand
         * @returns {reg.XLRegMsg & reg.XLRegMsg.$Shape} XLRegMsg
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        XLRegMsg.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.reg.XLRegMsg();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        value = reader.int32();
                        if ($root.reg.XLRegMsg.Tag[value] !== $undefined)
                            message.Op = value;
                        else if (!reader.discardUnknown) {
                            $util.makeProp(message, "$unknowns", false);
                            (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                        }
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        message.AesIV = reader.bytes();
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        message.AesKey = reader.bytes();
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        message.Salt1 = reader.bytes();
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        message.Salt2 = reader.bytes();
                        continue;
                    }
                case 6: {
                        if (wireType !== 0)
                            break;
                        message.Version = reader.uint32();
                        continue;
                    }
                case 8: {
                        if (wireType !== 2)
                            break;
                        message.ClientName = reader.string();
                        continue;
                    }
                case 9: {
                        if (wireType !== 2)
                            break;
                        message.ClientID = reader.bytes();
                        continue;
                    }
                case 10: {
                        if (wireType !== 0)
                            break;
                        message.ClientAttrs = reader.uint64();
                        continue;
                    }
                case 11: {
                        if (wireType !== 2)
                            break;
                        message.ClientSpecs = $root.reg.XLRegMsg.Token.decode(reader, reader.size(), $undefined, _depth + 1, message.ClientSpecs);
                        continue;
                    }
                case 13: {
                        if (wireType !== 2)
                            break;
                        message.ClusterID = reader.bytes();
                        continue;
                    }
                case 14: {
                        if (wireType !== 2)
                            break;
                        message.ClusterName = reader.string();
                        continue;
                    }
                case 15: {
                        if (wireType !== 0)
                            break;
                        message.ClusterSize = reader.uint32();
                        continue;
                    }
                case 16: {
                        if (wireType !== 0)
                            break;
                        message.ClusterAttrs = reader.uint64();
                        continue;
                    }
                case 17: {
                        if (wireType !== 0)
                            break;
                        message.EndPointCount = reader.uint32();
                        continue;
                    }
                case 20: {
                        if (wireType !== 0)
                            break;
                        message.Which = reader.uint64();
                        continue;
                    }
                case 21: {
                        if (wireType !== 2)
                            break;
                        if (!(message.Tokens && message.Tokens.length))
                            message.Tokens = [];
                        message.Tokens.push($root.reg.XLRegMsg.Token.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 22: {
                        if (wireType !== 2)
                            break;
                        message.DigSig = reader.bytes();
                        continue;
                    }
                case 23: {
                        if (wireType !== 2)
                            break;
                        message.ErrDesc = reader.string();
                        continue;
                    }
                case 32: {
                        if (wireType !== 0)
                            break;
                        message.Code = reader.uint32();
                        continue;
                    }
                case 33: {
                        if (wireType !== 0)
                            break;
                        message.Retryable = reader.bool();
                        continue;
                    }
                case 34: {
                        if (wireType !== 0)
                            break;
                        message.RetryAfterMs = reader.uint32();
                        continue;
                    }
                case 35: {
                        if (wireType !== 2)
                            break;
                        message.ObservedAddress = reader.string();
                        continue;
                    }
                case 36: {
                        if (wireType !== 0)
                            break;
                        message.RecordedSeq = reader.uint64();
                        continue;
                    }
                case 37: {
                        if (wireType !== 0)
                            break;
                        message.ClusterVersion = reader.uint64();
                        continue;
                    }
                case 38: {
                        if (wireType !== 0)
                            break;
                        message.WaitFor = reader.uint32();
                        continue;
                    }
                case 39: {
                        if (wireType !== 0)
                            break;
                        message.Existed = reader.bool();
                        continue;
                    }
                case 40: {
                        if (wireType !== 0)
                            break;
                        message.ConfirmMs = reader.uint32();
                        continue;
                    }
                case 41: {
                        if (wireType !== 2)
                            break;
                        message.Round = reader.bytes();
                        continue;
                    }
                case 42: {
                        if (wireType !== 0)
                            break;
                        message.Confirmed = reader.uint64();
                        continue;
                    }
                case 43: {
                        if (wireType !== 0)
                            break;
                        message.Epoch = reader.uint64();
                        continue;
                    }
                case 44: {
                        if (wireType !== 0)
                            break;
                        message.KnownVersion = reader.uint64();
                        continue;
                    }
                case 45: {
                        if (wireType !== 2)
                            break;
                        message.History = reader.bytes();
                        continue;
                    }
                case 46: {
                        if (wireType !== 0)
                            break;
                        message.WaitMs = reader.uint32();
                        continue;
                    }
                case 47: {
                        if (wireType !== 0)
                            break;
                        message.Emptied = reader.uint64();
                        continue;
                    }
                case 48: {
                        if (wireType !== 2)
                            break;
                        message.RosterHash = reader.bytes();
                        continue;
                    }
                case 49: {
                        if (wireType !== 0)
                            break;
                        message.YourSeat = reader.uint32();
                        continue;
                    }
                case 50: {
                        if (wireType !== 2)
                            break;
                        message.JoinToken = reader.bytes();
                        continue;
                    }
                case 51: {
                        if (wireType !== 2)
                            break;
                        if (!(message.JoinTokens && message.JoinTokens.length))
                            message.JoinTokens = [];
                        message.JoinTokens.push($root.reg.XLRegMsg.TokenSpec.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 52: {
                        if (wireType !== 2)
                            break;
                        if (!(message.TokenHashes && message.TokenHashes.length))
                            message.TokenHashes = [];
                        message.TokenHashes.push(reader.bytes());
                        continue;
                    }
                case 60: {
                        if (wireType !== 2)
                            break;
                        message.RosterBody = reader.bytes();
                        continue;
                    }
                case 61: {
                        if (wireType !== 2)
                            break;
                        message.RosterSignature = reader.bytes();
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        /**
         * Tag enum.
         * @name reg.XLRegMsg.Tag
         * @enum {number}
         * @property {number} RegCredRequest=1 RegCredRequest value
         * @property {number} RegCredReply=2 RegCredReply value
         * @property {number} Client=3 Client value
         * @property {number} ClientOK=4 ClientOK value
         * @property {number} Create=5 Create value
         * @property {number} CreateReply=6 CreateReply value
         * @property {number} Join=7 Join value
         * @property {number} JoinReply=8 JoinReply value
         * @property {number} GetCluster=9 GetCluster value
         * @property {number} ClusterMembers=10 ClusterMembers value
         * @property {number} Bye=11 Bye value
         * @property {number} Ack=12 Ack value
         * @property {number} Error=13 Error value
         * @property {number} Leave=32 Leave value
         * @property {number} LeaveReply=33 LeaveReply value
         * @property {number} ChangeTokens=34 ChangeTokens value
         * @property {number} TokensReply=35 TokensReply value
         * @property {number} GetRoster=36 GetRoster value
         * @property {number} SavedRoster=37 SavedRoster value
         */
        XLRegMsg.Tag = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[1] = "RegCredRequest"] = 1;
            values[valuesById[2] = "RegCredReply"] = 2;
            values[valuesById[3] = "Client"] = 3;
            values[valuesById[4] = "ClientOK"] = 4;
            values[valuesById[5] = "Create"] = 5;
            values[valuesById[6] = "CreateReply"] = 6;
            values[valuesById[7] = "Join"] = 7;
            values[valuesById[8] = "JoinReply"] = 8;
            values[valuesById[9] = "GetCluster"] = 9;
            values[valuesById[10] = "ClusterMembers"] = 10;
            values[valuesById[11] = "Bye"] = 11;
            values[valuesById[12] = "Ack"] = 12;
            values[valuesById[13] = "Error"] = 13;
            values[valuesById[32] = "Leave"] = 32;
            values[valuesById[33] = "LeaveReply"] = 33;
            values[valuesById[34] = "ChangeTokens"] = 34;
            values[valuesById[35] = "TokensReply"] = 35;
            values[valuesById[36] = "GetRoster"] = 36;
            values[valuesById[37] = "SavedRoster"] = 37;
            return values;
        })();

        XLRegMsg.Token = (function() {

            /**
             * Properties of a Token.
             * @typedef {Object} reg.XLRegMsg.Token.$Properties
             * @property {string|null} [Name] Token Name
             * @property {Long|null} [Attrs] Token Attrs
             * @property {Uint8Array|null} [ID] Token ID
             * @property {Uint8Array|null} [CommsKey] Token CommsKey
             * @property {Uint8Array|null} [SigKey] Token SigKey
             * @property {Array.<string>|null} [MyEnds] Token MyEnds
             * @property {Uint8Array|null} [DigSig] Token DigSig
             * @property {Uint8Array|null} [SealKey] Token SealKey
             * @property {Long|null} [Seq] Token Seq
             * @property {Uint8Array|null} [Statement] Token Statement
             * @property {string|null} [Labels] Token Labels
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Token.
             * @memberof reg.XLRegMsg
             * @interface IToken
             * @augments reg.XLRegMsg.Token.$Properties
             * @deprecated Use reg.XLRegMsg.Token.$Properties instead.
             */

            /**
             * Shape of a Token.
             * @typedef {reg.XLRegMsg.Token.$Properties} reg.XLRegMsg.Token.$Shape
             */

            /**
             * Constructs a new Token.
             * @memberof reg.XLRegMsg
             * @classdesc Represents a Token.
             * @constructor
             * @param {reg.XLRegMsg.Token.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Token = function (properties) {
                this.MyEnds = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Token Name.
             * @member {string|null|undefined} Name
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.Name = null;

            /**
             * Token Attrs.
             * @member {Long|null|undefined} Attrs
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.Attrs = null;

            /**
             * Token ID.
             * @member {Uint8Array|null|undefined} ID
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.ID = null;

            /**
             * Token CommsKey.
             * @member {Uint8Array|null|undefined} CommsKey
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.CommsKey = null;

            /**
             * Token SigKey.
             * @member {Uint8Array|null|undefined} SigKey
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.SigKey = null;

            /**
             * Token MyEnds.
             * @member {Array.<string>} MyEnds
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.MyEnds = $util.emptyArray;

            /**
             * Token DigSig.
             * @member {Uint8Array|null|undefined} DigSig
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.DigSig = null;

            /**
             * Token SealKey.
             * @member {Uint8Array|null|undefined} SealKey
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.SealKey = null;

            /**
             * Token Seq.
             * @member {Long|null|undefined} Seq
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.Seq = null;

            /**
             * Token Statement.
             * @member {Uint8Array|null|undefined} Statement
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.Statement = null;

            /**
             * Token Labels.
             * @member {string|null|undefined} Labels
             * @memberof reg.XLRegMsg.Token
             * @instance
             */
            Token.prototype.Labels = null;

            /**
             * Encodes the specified Token message. Does not implicitly {@link reg.XLRegMsg.Token.verify|verify} messages.
             * @function encode
             * @memberof reg.XLRegMsg.Token
             * @static
             * @param {reg.XLRegMsg.Token.$Properties} message Token message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Token.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.Name != null && $Object.hasOwnProperty.call(message, "Name"))
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.Name);
                if (message.Attrs != null && $Object.hasOwnProperty.call(message, "Attrs"))
                    writer.uint32(/* id 2, wireType 0 =*/16).uint64(message.Attrs);
                if (message.ID != null && $Object.hasOwnProperty.call(message, "ID"))
                    writer.uint32(/* id 3, wireType 2 =*/26).bytes(message.ID);
                if (message.CommsKey != null && $Object.hasOwnProperty.call(message, "CommsKey"))
                    writer.uint32(/* id 4, wireType 2 =*/34).bytes(message.CommsKey);
                if (message.SigKey != null && $Object.hasOwnProperty.call(message, "SigKey"))
                    writer.uint32(/* id 5, wireType 2 =*/42).bytes(message.SigKey);
                if (message.MyEnds != null && message.MyEnds.length)
                    for (let i = 0; i < message.MyEnds.length; ++i)
                        writer.uint32(/* id 6, wireType 2 =*/50).string(message.MyEnds[i]);
                if (message.DigSig != null && $Object.hasOwnProperty.call(message, "DigSig"))
                    writer.uint32(/* id 7, wireType 2 =*/58).bytes(message.DigSig);
                if (message.SealKey != null && $Object.hasOwnProperty.call(message, "SealKey"))
                    writer.uint32(/* id 32, wireType 2 =*/258).bytes(message.SealKey);
                if (message.Seq != null && $Object.hasOwnProperty.call(message, "Seq"))
                    writer.uint32(/* id 33, wireType 0 =*/264).uint64(message.Seq);
                if (message.Statement != null && $Object.hasOwnProperty.call(message, "Statement"))
                    writer.uint32(/* id 34, wireType 2 =*/274).bytes(message.Statement);
                if (message.Labels != null && $Object.hasOwnProperty.call(message, "Labels"))
                    writer.uint32(/* id 35, wireType 2 =*/282).string(message.Labels);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Token message from the specified reader or buffer.
             * @function decode
             * @memberof reg.XLRegMsg.Token
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {reg.XLRegMsg.Token & reg.XLRegMsg.Token.$Shape} Token
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Token.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.reg.XLRegMsg.Token();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.Name = reader.string();
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.Attrs = reader.uint64();
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.ID = reader.bytes();
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.CommsKey = reader.bytes();
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.SigKey = reader.bytes();
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if (!(message.MyEnds && message.MyEnds.length))
                                message.MyEnds = [];
                            message.MyEnds.push(reader.string());
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.DigSig = reader.bytes();
                            continue;
                        }
                    case 32: {
                            if (wireType !== 2)
                                break;
                            message.SealKey = reader.bytes();
                            continue;
                        }
                    case 33: {
                            if (wireType !== 0)
                                break;
                            message.Seq = reader.uint64();
                            continue;
                        }
                    case 34: {
                            if (wireType !== 2)
                                break;
                            message.Statement = reader.bytes();
                            continue;
                        }
                    case 35: {
                            if (wireType !== 2)
                                break;
                            message.Labels = reader.string();
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Token;
        })();

        XLRegMsg.TokenSpec = (function() {

            /**
             * Properties of a TokenSpec.
             * @typedef {Object} reg.XLRegMsg.TokenSpec.$Properties
             * @property {Uint8Array|null} [Hash] TokenSpec Hash
             * @property {number|null} [Uses] TokenSpec Uses
             * @property {Long|null} [TtlMs] TokenSpec TtlMs
             * @property {string|null} [ForName] TokenSpec ForName
             * @property {boolean|null} [Replace] TokenSpec Replace
             * @property {boolean|null} [Observer] TokenSpec Observer
             * @property {number|null} [Left] TokenSpec Left
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a TokenSpec.
             * @memberof reg.XLRegMsg
             * @interface ITokenSpec
             * @augments reg.XLRegMsg.TokenSpec.$Properties
             * @deprecated Use reg.XLRegMsg.TokenSpec.$Properties instead.
             */

            /**
             * Shape of a TokenSpec.
             * @typedef {reg.XLRegMsg.TokenSpec.$Properties} reg.XLRegMsg.TokenSpec.$Shape
             */

            /**
             * Constructs a new TokenSpec.
             * @memberof reg.XLRegMsg
             * @classdesc Represents a TokenSpec.
             * @constructor
             * @param {reg.XLRegMsg.TokenSpec.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const TokenSpec = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * TokenSpec Hash.
             * @member {Uint8Array|null|undefined} Hash
             * @memberof reg.XLRegMsg.TokenSpec
             * @instance
             */
            TokenSpec.prototype.Hash = null;

            /**
             * TokenSpec Uses.
             * @member {number|null|undefined} Uses
             * @memberof reg.XLRegMsg.TokenSpec
             * @instance
             */
            TokenSpec.prototype.Uses = null;

            /**
             * TokenSpec TtlMs.
             * @member {Long|null|undefined} TtlMs
             * @memberof reg.XLRegMsg.TokenSpec
             * @instance
             */
            TokenSpec.prototype.TtlMs = null;

            /**
             * TokenSpec ForName.
             * @member {string|null|undefined} ForName
             * @memberof reg.XLRegMsg.TokenSpec
             * @instance
             */
            TokenSpec.prototype.ForName = null;

            /**
             * TokenSpec Replace.
             * @member {boolean|null|undefined} Replace
             * @memberof reg.XLRegMsg.TokenSpec
             * @instance
             */
            TokenSpec.prototype.Replace = null;

            /**
             * TokenSpec Observer.
             * @member {boolean|null|undefined} Observer
             * @memberof reg.XLRegMsg.TokenSpec
             * @instance
             */
            TokenSpec.prototype.Observer = null;

            /**
             * TokenSpec Left.
             * @member {number|null|undefined} Left
             * @memberof reg.XLRegMsg.TokenSpec
             * @instance
             */
            TokenSpec.prototype.Left = null;

            /**
             * Encodes the specified TokenSpec message. Does not implicitly {@link reg.XLRegMsg.TokenSpec.verify|verify} messages.
             * @function encode
             * @memberof reg.XLRegMsg.TokenSpec
             * @static
             * @param {reg.XLRegMsg.TokenSpec.$Properties} message TokenSpec message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            TokenSpec.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.Hash != null && $Object.hasOwnProperty.call(message, "Hash"))
                    writer.uint32(/* id 1, wireType 2 =*/10).bytes(message.Hash);
                if (message.Uses != null && $Object.hasOwnProperty.call(message, "Uses"))
                    writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.Uses);
                if (message.TtlMs != null && $Object.hasOwnProperty.call(message, "TtlMs"))
                    writer.uint32(/* id 3, wireType 0 =*/24).uint64(message.TtlMs);
                if (message.ForName != null && $Object.hasOwnProperty.call(message, "ForName"))
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.ForName);
                if (message.Replace != null && $Object.hasOwnProperty.call(message, "Replace"))
                    writer.uint32(/* id 5, wireType 0 =*/40).bool(message.Replace);
                if (message.Observer != null && $Object.hasOwnProperty.call(message, "Observer"))
                    writer.uint32(/* id 6, wireType 0 =*/48).bool(message.Observer);
                if (message.Left != null && $Object.hasOwnProperty.call(message, "Left"))
                    writer.uint32(/* id 7, wireType 0 =*/56).uint32(message.Left);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a TokenSpec message from the specified reader or buffer.
             * @function decode
             * @memberof reg.XLRegMsg.TokenSpec
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {reg.XLRegMsg.TokenSpec & reg.XLRegMsg.TokenSpec.$Shape} TokenSpec
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            TokenSpec.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.reg.XLRegMsg.TokenSpec();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.Hash = reader.bytes();
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.Uses = reader.uint32();
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.TtlMs = reader.uint64();
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.ForName = reader.string();
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            message.Replace = reader.bool();
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            message.Observer = reader.bool();
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            message.Left = reader.uint32();
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return TokenSpec;
        })();

        return XLRegMsg;
    })();

    return reg;
})();

export {
  $root as default
};
