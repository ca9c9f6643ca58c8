#compdef xlreg
# zsh completion for xlreg, made by xlreg completion zsh

_xlreg() {
  local -a commands=(
    'serve:run a registry'
    'create:create a cluster'
    'join:join a cluster as a member, and wait for the others'
    'leave:give a member'\''s seat back'
    'members:list the members of a cluster'
    'token:add, list and revoke join tokens of a cluster'
    'verify:verify a roster that was saved'
    'regcred:show a registry'\''s credentials and their fingerprints'
    'check:verify the registry at each of its end points'
    'clusters:list the clusters of a running registry'
    'evict:remove a member from a cluster'
    'unmark:open the old dialects to a client of the sealed one again'
    'delete:delete a cluster'
    'sessions:list the sessions of a running registry'
    'limits:show the limits of a running registry, and whom they turn away'
    'admin:add, list, revoke and rotate admin tokens'
    'audit:verify the audit log of a registry'
    'keys:change the key that encrypts Hellos'
    'config:show the settings in effect, or check them'
    'drain:stop a running registry in order'
    'backup:copy a running registry'
    'restore:turn a backup into a data directory'
    'store:verify the table of a registry, or copy it to another store'
    'export:print the table of a registry'
    'demo:show a registry and a cluster on this machine, step by step'
    'completion:print the completions of a shell'
    'help:explain a command'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
    serve)
      _arguments \
        '--config[the configuration file\: a JSON object of settings]: :_files' \
        '--data-dir[keys, ID, credentials, admin token and, with lmdb, the table \[./xlreg-data\]]: :_files -/' \
        '--name[the registry'\''s name in its credentials \[xlReg\]]: : ' \
        '--tcp[the protocol over TCP \[0.0.0.0\:56789\]]: :(off)' \
        '--ws[the protocol over WebSocket at /xlreg, and /regCred.dat over HTTP \[0.0.0.0\:56790\]]: :(off)' \
        '--admin[metrics, health, status page and API for operators \[127.0.0.1\:56791\]]: :(off)' \
        '--health[/livez and /readyz alone, without a token, for load balancers on other machines \[off\]]: :(off)' \
        '--advertise[the end points of all servers in regCred.dat, in the order to try them, 4 at most \[that of --tcp\]]: :(off)' \
        '--ws-tls[PEM files for wss and https on --ws \[off\] (reload)]: :(off)' \
        '--admin-tls[PEM files for https on --admin \[off\] (reload)]: :(off)' \
        '--web-engine[the engine of --ws\: auto takes uWebSockets.js where it loads]: :(auto uws node)' \
        '--dialects[the dialects that are served, of chained, prefixed and sealed]: : ' \
        '--fronts[threads for TCP connections, which share the port and the workers]: : ' \
        '--workers[threads for the cryptography \[one for each core\]]: : ' \
        '--hello-queue-ms[the bound of queued Hellos, in milliseconds of a worker'\''s time]: : ' \
        '--reply-bytes-max[the longest reply over TCP \[16384\]]: : ' \
        '--store[where the table is\: durable in the data directory, in memory only, or in etcd for several servers \[l]: :(lmdb memory)' \
        '--store-bytes-max[the size at which lmdb counts as full \[the size of the disk\]]: : ' \
        '--etcd-prefix[the prefix of the keys of this registry in etcd \[xlreg/ID/\]]: : ' \
        '--etcd-tls[PEM files\: the authority of the certificates of etcd, and a client certificate if etcd asks for one ]: :(off)' \
        '--etcd-user[the user of etcd \[none\]]: : ' \
        '--etcd-password-file[the file with that user'\''s password \[XLREG_ETCD_PASSWORD of the environment\]]: :_files' \
        '--backup-dir[an existing directory outside --data-dir for scheduled backups of keys and table]: :(off)' \
        '--backup-every[time between two backups\: 30m, 6h, 7d \[6h\]]: : ' \
        '--backup-keep[good backups kept]: : ' \
        '--max-clusters[clusters in the table \[1000000\] (reload)]: : ' \
        '--max-registrations[registrations in the table \[2000000\] (reload)]: : ' \
        '--ephemeral-ttl[lifetime of an unused ephemeral cluster, and of an ephemeral client without a seat \[3600\] (reload)]: : ' \
        '--idle-registration-ttl[lifetime of any other unused client without a seat \[86400\] (reload)]: : ' \
        '--empty-cluster-ttl[lifetime of a cluster without a member, unless xlreg create --keep marked it \[3600\] (reload)]: : ' \
        '--max-connections[TCP and WebSocket together]: : ' \
        '--max-connections-per-address[connections of one address]: : ' \
        '--max-hellos-per-second[Hellos in all]: : ' \
        '--max-hellos-per-second-per-address[Hellos of one address]: : ' \
        '--max-session-bytes[bytes from the client in one session \[16777216\] (reload)]: : ' \
        '--max-session-messages[messages in one session \[65536\] (reload)]: : ' \
        '--limit-exempt[networks without limits per address \[127.0.0.0/8,\:\:1/128\] (reload)]: :(off)' \
        '--max-registrations-per-second-per-address[new registrations of one address \[20\] (reload)]: : ' \
        '--max-clusters-per-second-per-address[new clusters of one address \[20\] (reload)]: : ' \
        '--max-members-per-second-per-address[new members of one address \[20\] (reload)]: : ' \
        '--max-clusters-per-client[existing clusters that one client has created since the start of the server \[10000\] (reload)]: : ' \
        '--max-seats-per-client[seats of one client \[10000\] (reload)]: : ' \
        '--proxy-protocol[proxies whose TCP connections must begin with a PROXY protocol header, version 2 \[off\]]: : ' \
        '--forwarded[proxies whose Forwarded header of WebSocket upgrades is trusted \[off\]]: : ' \
        '--x-forwarded-for[proxies whose X-Forwarded-For header of WebSocket upgrades is trusted \[off\]]: : ' \
        '--allowed-origins[origins of web pages that may open a WebSocket \[off\]]: :(off)' \
        '--shutdown-delay[from the failure of /readyz to the closing of the ports when the server stops \[0\]]: : ' \
        '--hello-timeout-ms[from the connection to a complete Hello \[5000\]]: : ' \
        '--partial-timeout-ms[from the first byte of a message to its last \[5000\]]: : ' \
        '--idle-timeout-ms[from a reply to the next message, before the first JoinReply \[30000\]]: : ' \
        '--joined-idle-timeout-ms[the same after a JoinReply \[120000\]]: : ' \
        '--write-timeout-ms[for the peer to take a reply \[10000\]]: : ' \
        '--session-timeout-ms[for a session \[86400000\]]: : ' \
        '--linger-timeout-ms[for the peer'\''s FIN after that of the server \[1000\]]: : ' \
        '--drain-grace-ms[for sessions to end by themselves when the server stops \[5000\]]: : ' \
        '--max-wait-ms[the longest wait of a client for a change of its cluster, in the sealed dialect]: : ' \
        '--log-level[the least level that is logged]: :(trace debug info warn error fatal silent)' \
        '--audit-log[where to record what operators and members change, for xlreg audit verify \[audit.log in the data dir]: :(off)' \
        '--audit-file-bytes[the size from which a file of the audit log is rotated \[16777216\]]: : ' \
        '--audit-files[files of the audit log that are kept, the newest included]: : ' \
        '--slow-session-ms[the duration from which a session is logged as a warning \[none\]]: : ' \
        '--help[explain the command]' \
        '*: :_files' ;;
    create)
      _arguments \
        '--size[members when complete, 2 to 64]: : ' \
        '--end-points[end points that each member must have \[1\]]: :(1 2)' \
        '--confirm[15 to 3600\: once all have joined, each member has to be heard from within this time, or it loses its]: : ' \
        '--keep[keep the cluster, new or not, even without a member]' \
        '--token[admit only who brings a join token, and print the first one]' \
        '--uses[members that the token admits, 1 to 1024 \[N of --size]: : ' \
        '--ttl[its lifetime, such as 90d, 12h, 30m, 45s \[no expiry\]]: : ' \
        '--for[it admits this member only, and keeps the name for it]: : ' \
        '--observer[it admits to xlreg members only]' \
        '--home[the creator'\''s home \[$XDG_STATE_HOME/xlreg/REGISTRY_ID/.creator, in ~/.local/state without that varia]: :_files -/' \
        '--wait[retry so long after failures that may pass, with growing pauses and a line on stderr\: missing creden]: : ' \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    join)
      _arguments \
        '--name[the member'\''s name]: : ' \
        '--end-point[where other members reach it]: : ' \
        '--label[what other members are told]: : ' \
        '--home[\[$XDG_STATE_HOME/xlreg/REGISTRY_ID/MEMBER, in ~/.local/state without that variable]: :_files -/' \
        '--token[a join token, where the cluster admits by tokens \[XLREG_TOKEN, which other users of the machine cann]: : ' \
        '--require-verified[fail unless every member has a statement that is verified]' \
        '--new-registry-key[accept another sig key of the registry than the one that the home remembers]' \
        '--mark-lifted[join in an RSA dialect again after sealed, once the operator has allowed it]' \
        '--create[create the cluster, of N members, if it is missing]' \
        '--size[create the cluster, of N members, if it is missing]: : ' \
        '--confirm[its confirm time, as for xlreg create \[0\]]: : ' \
        '--wait[retry so long after failures that may pass, with growing pauses and a line on stderr\: missing creden]: : ' \
        '--exec[with --wait\: once the cluster is complete, run CMD by sh -c, and end with its exit code]: : ' \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    leave)
      _arguments \
        '--name[the member'\''s name]: : ' \
        '--home[the member'\''s home \[as for xlreg join\]]: :_files -/' \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    members)
      _arguments \
        '--token[a join token, where the cluster admits by tokens \[XLREG_TOKEN, which other users of the machine cann]: : ' \
        '--require-verified[fail unless every member is verified]' \
        '--save[save the roster of the complete cluster, signed by the registry, for xlreg verify]: :_files' \
        '--wait[retry so long after failures that may pass, with growing pauses and a line on stderr\: missing creden]: : ' \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    token)
      _arguments \
        '--uses[members that the token admits, 1 to 1024 \[the cluster'\''s size]: : ' \
        '--ttl[its lifetime, such as 90d, 12h, 30m, 45s \[no expiry\]]: : ' \
        '--for[it admits this member only, and keeps the name for it]: : ' \
        '--replace[with --for\: it gives the member'\''s seat to new keys, as after the loss of a disk]' \
        '--observer[it admits to xlreg members only]' \
        '--home[the creator'\''s home \[as for xlreg create\]]: :_files -/' \
        '--admin[the admin port]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '1: :(add list revoke)' '*: :_files' ;;
    verify)
      _arguments \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    regcred)
      _arguments \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    check)
      _arguments \
        '--wait[retry so long after failures that may pass, with growing pauses and a line on stderr\: missing creden]: : ' \
        '--registry[its credentials\: regCred.dat, or http(s)\://HOST\:PORT/regCred.dat \[XLREG_REGISTRY, else regCred.dat i]: :_files' \
        '--fingerprint[refuse any other sig key, or with an RSA dialect any other comms key]: : ' \
        '--transport[\[tcp\]]: :(tcp ws)' \
        '--connect[replaces the end points of the credentials or, for ws, the host of the URL]: : ' \
        '--dialect[\[sealed\]]: :(sealed prefixed chained)' \
        '--timeout[for connecting, over all end points, and for each reply \[10\]]: : ' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    clusters)
      _arguments \
        '--prefix[only names that begin so]: : ' \
        '--fill[only clusters of this state]: :(empty filling full)' \
        '--limit[clusters of a page, 1000 at most \[100\]]: : ' \
        '--cursor[the page behind this name]: : ' \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    evict)
      _arguments \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    unmark)
      _arguments \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    delete)
      _arguments \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    sessions)
      _arguments \
        '--limit[connections of a page, 1000 at most \[100\]]: : ' \
        '--cursor[the page behind this connection]: : ' \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    limits)
      _arguments \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    admin)
      _arguments \
        '--role[read\: look]: : ' \
        '--ttl[lifetime, such as 90d, 12h, 30m, 45s \[no expiry\]]: : ' \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '1: :(token token)' '*: :_files' ;;
    audit)
      _arguments \
        '--expect[a line must have this hash, or the newest lines were cut off]: : ' \
        '--json[one JSON object instead of lines]' \
        '--data-dir[the data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--help[explain the command]' \
        '1: :(verify)' '*: :_files' ;;
    keys)
      _arguments \
        '--force[retire in spite of that]' \
        '--json[one JSON object instead of lines]' \
        '--data-dir[the data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--help[explain the command]' \
        '1: :(show rotate retire)' '*: :_files' ;;
    config)
      _arguments \
        '--changed[show only what differs from the default]' \
        '--json[one JSON object instead of lines]' \
        '--values-only[check the values alone\: no file that they name, no port]' \
        '--config[the configuration file]: :_files' \
        '--data-dir[keys, ID, credentials, admin token and, with lmdb, the table \[./xlreg-data\]]: :_files -/' \
        '--name[the registry'\''s name in its credentials \[xlReg\]]: : ' \
        '--tcp[the protocol over TCP \[0.0.0.0\:56789\]]: :(off)' \
        '--ws[the protocol over WebSocket at /xlreg, and /regCred.dat over HTTP \[0.0.0.0\:56790\]]: :(off)' \
        '--admin[metrics, health, status page and API for operators \[127.0.0.1\:56791\]]: :(off)' \
        '--health[/livez and /readyz alone, without a token, for load balancers on other machines \[off\]]: :(off)' \
        '--advertise[the end points of all servers in regCred.dat, in the order to try them, 4 at most \[that of --tcp\]]: :(off)' \
        '--ws-tls[PEM files for wss and https on --ws \[off\] (reload)]: :(off)' \
        '--admin-tls[PEM files for https on --admin \[off\] (reload)]: :(off)' \
        '--web-engine[the engine of --ws\: auto takes uWebSockets.js where it loads]: :(auto uws node)' \
        '--dialects[the dialects that are served, of chained, prefixed and sealed]: : ' \
        '--fronts[threads for TCP connections, which share the port and the workers]: : ' \
        '--workers[threads for the cryptography \[one for each core\]]: : ' \
        '--hello-queue-ms[the bound of queued Hellos, in milliseconds of a worker'\''s time]: : ' \
        '--reply-bytes-max[the longest reply over TCP \[16384\]]: : ' \
        '--store[where the table is\: durable in the data directory, in memory only, or in etcd for several servers \[l]: :(lmdb memory)' \
        '--store-bytes-max[the size at which lmdb counts as full \[the size of the disk\]]: : ' \
        '--etcd-prefix[the prefix of the keys of this registry in etcd \[xlreg/ID/\]]: : ' \
        '--etcd-tls[PEM files\: the authority of the certificates of etcd, and a client certificate if etcd asks for one ]: :(off)' \
        '--etcd-user[the user of etcd \[none\]]: : ' \
        '--etcd-password-file[the file with that user'\''s password \[XLREG_ETCD_PASSWORD of the environment\]]: :_files' \
        '--backup-dir[an existing directory outside --data-dir for scheduled backups of keys and table]: :(off)' \
        '--backup-every[time between two backups\: 30m, 6h, 7d \[6h\]]: : ' \
        '--backup-keep[good backups kept]: : ' \
        '--max-clusters[clusters in the table \[1000000\] (reload)]: : ' \
        '--max-registrations[registrations in the table \[2000000\] (reload)]: : ' \
        '--ephemeral-ttl[lifetime of an unused ephemeral cluster, and of an ephemeral client without a seat \[3600\] (reload)]: : ' \
        '--idle-registration-ttl[lifetime of any other unused client without a seat \[86400\] (reload)]: : ' \
        '--empty-cluster-ttl[lifetime of a cluster without a member, unless xlreg create --keep marked it \[3600\] (reload)]: : ' \
        '--max-connections[TCP and WebSocket together]: : ' \
        '--max-connections-per-address[connections of one address]: : ' \
        '--max-hellos-per-second[Hellos in all]: : ' \
        '--max-hellos-per-second-per-address[Hellos of one address]: : ' \
        '--max-session-bytes[bytes from the client in one session \[16777216\] (reload)]: : ' \
        '--max-session-messages[messages in one session \[65536\] (reload)]: : ' \
        '--limit-exempt[networks without limits per address \[127.0.0.0/8,\:\:1/128\] (reload)]: :(off)' \
        '--max-registrations-per-second-per-address[new registrations of one address \[20\] (reload)]: : ' \
        '--max-clusters-per-second-per-address[new clusters of one address \[20\] (reload)]: : ' \
        '--max-members-per-second-per-address[new members of one address \[20\] (reload)]: : ' \
        '--max-clusters-per-client[existing clusters that one client has created since the start of the server \[10000\] (reload)]: : ' \
        '--max-seats-per-client[seats of one client \[10000\] (reload)]: : ' \
        '--proxy-protocol[proxies whose TCP connections must begin with a PROXY protocol header, version 2 \[off\]]: : ' \
        '--forwarded[proxies whose Forwarded header of WebSocket upgrades is trusted \[off\]]: : ' \
        '--x-forwarded-for[proxies whose X-Forwarded-For header of WebSocket upgrades is trusted \[off\]]: : ' \
        '--allowed-origins[origins of web pages that may open a WebSocket \[off\]]: :(off)' \
        '--shutdown-delay[from the failure of /readyz to the closing of the ports when the server stops \[0\]]: : ' \
        '--hello-timeout-ms[from the connection to a complete Hello \[5000\]]: : ' \
        '--partial-timeout-ms[from the first byte of a message to its last \[5000\]]: : ' \
        '--idle-timeout-ms[from a reply to the next message, before the first JoinReply \[30000\]]: : ' \
        '--joined-idle-timeout-ms[the same after a JoinReply \[120000\]]: : ' \
        '--write-timeout-ms[for the peer to take a reply \[10000\]]: : ' \
        '--session-timeout-ms[for a session \[86400000\]]: : ' \
        '--linger-timeout-ms[for the peer'\''s FIN after that of the server \[1000\]]: : ' \
        '--drain-grace-ms[for sessions to end by themselves when the server stops \[5000\]]: : ' \
        '--max-wait-ms[the longest wait of a client for a change of its cluster, in the sealed dialect]: : ' \
        '--log-level[the least level that is logged]: :(trace debug info warn error fatal silent)' \
        '--audit-log[where to record what operators and members change, for xlreg audit verify \[audit.log in the data dir]: :(off)' \
        '--audit-file-bytes[the size from which a file of the audit log is rotated \[16777216\]]: : ' \
        '--audit-files[files of the audit log that are kept, the newest included]: : ' \
        '--slow-session-ms[the duration from which a session is logged as a warning \[none\]]: : ' \
        '--help[explain the command]' \
        '1: :(show check)' '*: :_files' ;;
    drain)
      _arguments \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    backup)
      _arguments \
        '--admin[the admin port \[127.0.0.1\:56791\]]: : ' \
        '--cacert[certificates of the authorities to trust for https \[those of the system\]]: :_files' \
        '--token-file[a file with an admin token \[admin-token in the data directory\]]: :_files' \
        '--data-dir[the registry'\''s data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--help[explain the command]' \
        '*: :_files' ;;
    restore)
      _arguments \
        '--json[one JSON object instead of lines]' \
        '--data-dir[the data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--help[explain the command]' \
        '*: :_files' ;;
    store)
      _arguments \
        '--etcd-prefix[the prefix of the keys of this registry in etcd \[xlreg/ID/\]]: : ' \
        '--etcd-tls[PEM files\: the authority of the certificates of etcd, and a client certificate]: :_files' \
        '--etcd-user[the user of etcd]: : ' \
        '--etcd-password-file[the file with that user'\''s password \[XLREG_ETCD_PASSWORD of the environment\]]: :_files' \
        '--json[one JSON object instead of lines]' \
        '--data-dir[the data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--help[explain the command]' \
        '1: :(verify copy)' '*: :_files' ;;
    export)
      _arguments \
        '--data-dir[the data directory \[./xlreg-data\]]: :_files -/' \
        '--config[the configuration file]: :_files' \
        '--help[explain the command]' \
        '*: :_files' ;;
    demo)
      _arguments \
        '--help[explain the command]' \
        '*: :_files' ;;
    completion)
      _arguments \
        '--help[explain the command]' \
        '1: :(bash zsh fish)' '*: :_files' ;;
    help)
      _arguments \
        '1: :(serve create join leave members token verify regcred check clusters evict unmark delete sessions limits admin audit keys config drain backup restore store export demo completion)' '*: :_files' ;;
  esac
}

if [[ $funcstack[1] == _xlreg ]]; then
  _xlreg "$@"
else
  compdef _xlreg xlreg
fi
