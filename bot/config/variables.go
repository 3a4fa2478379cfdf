package config

import (
	"slices"

	"ehpcbot/bot/manifest"
)

// Variable describes an environment variable.
type Variable struct {
	Name     string
	Default  string // taken where nothing is set
	Required bool   // there is no default that could do
	Secret   bool   // shown nowhere, and read from the file that Name_FILE points at, where that is set
	Meaning  string // what it sets, in a few words

	right      string // what to do about a fault
	emptyMeans bool   // set to nothing differs from not set
}

// Variables returns all variables in the order in which documents and faults list them.
func Variables() []Variable {
	return slices.Concat(slackVariables(), ehpcVariables(), policyVariables(), processVariables())
}

func variable(name string) (Variable, bool) {
	for _, v := range Variables() {
		if v.Name == name {
			return v, true
		}
	}
	return Variable{}, false
}

// position is the place of a variable in the table.
func position(name string) int {
	return slices.IndexFunc(Variables(), func(v Variable) bool { return v.Name == name })
}

// reservedByDefault are names that a Linux system or its usual services own, as accounts or as groups, as far
// as the username rule would let them be asked for at all.
const reservedByDefault = "root,toor,admin,adm,bin,daemon,sys,system,sync,games,man,lp,mail,news,uucp,proxy,www,backup,operator," +
	"nobody,shutdown,halt,ftp,http,apache,nginx,sshd,rpc,rpcuser,nfs,dbus,polkitd,chrony,ntp,tss,sssd,nscd,nslcd,ldap,slapd," +
	"named,postfix,postgres,mysql,redis,munge,slurm,slurmdbd,pbs,torque,lsf,lsfadmin,sge,mpi,sudo,wheel,docker,staff,users," +
	"ubuntu,debian,centos,rocky,user,guest,test,support,service,ehpc,hpc,_apt,_rpc,_ssh,_chrony,qemu,kvm,libvirt,oracle," +
	"oinstall,dba,mongod,mongodb,rabbitmq,nagios,zabbix,hadoop,hdfs,yarn,tomcat,jenkins,git,puppet,dnsmasq,abrt,irc,gnats," +
	"uuidd,saslauth,tcpdump,pulse,avahi,rtkit,colord,geoclue,gdm,tape,audio,video,disk,kmem,tty,utmp,input,render,cdrom," +
	"dialout,shadow"

func slackVariables() []Variable {
	return []Variable{{
		Name: "SLACK_APP_TOKEN", Required: true, Secret: true,
		Meaning: "app-level token (xapp-…) with the scope connections:write",
		right:   "set it to the app-level token, xapp-…, which the Slack app's Basic Information page makes with the scope connections:write",
	}, {
		Name: "SLACK_BOT_TOKEN", Required: true, Secret: true,
		Meaning: "bot token (xoxb-…) of the app in the workspace",
		right:   "set it to the bot token, xoxb-…, which the Slack app's OAuth & Permissions page shows once the app is installed",
	}, {
		Name: "SLACK_API_URL", Default: "https://slack.com/api/",
		Meaning: "address of Slack's Web API; another one is for tests",
		right:   "leave it unset, or give a URL such as https://slack.com/api/ (http is for this machine alone)",
	}, {
		Name: "SLACK_CONNECTIONS", Default: "2",
		Meaning: "Socket Mode connections of this process, 1–10",
		right:   "give a whole number from 1 to 10, such as 2",
	}, {
		Name: "SLACK_COMMAND", Default: manifest.DefaultCommand,
		Meaning: "the slash command; another name lets two deployments share a workspace",
		right:   "give a name such as /ehpc-adduser: a slash, then lower-case letters, digits, - and _, 32 characters in all",
	}}
}

func ehpcVariables() []Variable {
	return []Variable{{
		Name: "QINGCLOUD_ACCESS_KEY_ID", Required: true, Secret: true,
		Meaning: "id of the API key that manages the clusters",
		right:   "set it to the id of an API key, from the API Keys page of the QingCloud console",
	}, {
		Name: "QINGCLOUD_SECRET_ACCESS_KEY", Required: true, Secret: true,
		Meaning: "secret of that API key",
		right:   "set it to the secret that was shown when the API key was made",
	}, {
		Name: "EHPC_ENDPOINT", Default: "https://hpc.api.qingcloud.com",
		Meaning: "address of the EHPC API: https, or http on this machine",
		right:   "give a URL such as https://hpc.api.qingcloud.com (http is for this machine alone)",
	}, {
		Name: "EHPC_CALLS_PER_HOUR", Default: "2000",
		Meaning: "the API's quota, shared by all replicas: a bucket of that size, refilled evenly; 0 means no limit",
		right:   "give a whole number such as 2000, or 0 for no limit",
	}, {
		Name: "EHPC_ACCOUNTS_AT_ONCE", Default: "1",
		Meaning: "accounts that are made on a cluster at the same time, 1 to 20; two at once can get the same uid",
		right:   "give a whole number from 1 to 20",
	}, {
		Name: "EHPC_CLUSTERS", Required: true,
		Meaning: "clusters as id@zone or id@zone=Name, comma separated; the first is the default",
		right:   "list clusters as id@zone or id@zone=Name, such as ehpc-8jqdq0mz@jn1a,ehpc-x@jn1a=Training",
	}, {
		Name: "EHPC_ALLOWED_MODS", Default: "700,750,755", emptyMeans: true,
		Meaning: "directory permissions that may be asked for; set to nothing: any three octal digits",
		right:   "list values of three octal digits, such as 700,750,755, or set it to nothing for any",
	}, {
		Name: "EHPC_RESERVED_USERNAMES", Default: reservedByDefault, emptyMeans: true,
		Meaning: "usernames that are never created, whatever their case; set to nothing: none",
		right:   "list names such as root,admin,slurm, or set it to nothing for none",
	}, {
		Name:    "EHPC_REUSABLE_USERNAMES",
		Meaning: "usernames that may go to somebody else than their former owner, whose home directories are cleared away",
		right:   "list names such as isabel,otto, or leave it unset for none",
	}, {
		Name:    "USERNAME_PATTERN",
		Meaning: "regular expression that a username must match as a whole, beside the API's rule, such as [a-z][a-z0-9]*",
		right:   "give a regular expression such as [a-z][a-z0-9]*, or leave it unset for the API's rule alone",
	}}
}

func policyVariables() []Variable {
	return []Variable{{
		Name: "APPROVAL_CHANNEL", Required: true,
		Meaning: "id of the channel in which requests are approved",
		right:   "give the channel's id, such as C0123456789, which stands at the end of the channel's details in Slack",
	}, {
		Name: "APPROVERS", Required: true,
		Meaning: "ids of the people (U…) and user groups (S…) who may approve, comma separated",
		right:   "list ids of people and user groups, such as U0123456789,S0123456789 (in a person's profile: ⋮, Copy member ID)",
	}, {
		Name:    "ADMINISTRATORS",
		Meaning: "ids of the people and user groups whom the Home tab shows how the bot is, comma separated; they may decide nothing",
		right:   "list ids of people and user groups, such as U0123456789,S0123456789, or leave it unset for nobody",
	}, {
		Name:    "APPROVERS_FALLBACK",
		Meaning: "ids of the people and user groups who may approve as well once half of APPROVAL_EXPIRY is over",
		right:   "list ids of people and user groups, such as U0123456789,S0123456789, or leave it unset for none",
	}, {
		Name: "APPROVALS_REQUIRED", Default: "1",
		Meaning: "how many different approvers a request needs",
		right:   "give a whole number from 1 on, such as 1",
	}, {
		Name: "APPROVAL_ALLOW_SELF", Default: "false",
		Meaning: "whether approvers may decide on their own requests",
		right:   "give true or false",
	}, {
		Name: "RESET_NEEDS_APPROVAL", Default: "false",
		Meaning: "whether a new password for one's account needs the approvals that an account needs",
		right:   "give true or false",
	}, {
		Name: "APPROVAL_EXPIRY", Default: "72h",
		Meaning: "how long a request waits for its approval",
		right:   "give a time such as 72h or 3d, more than 0 and at most 365d",
	}, {
		Name: "APPROVAL_REMINDER", Default: "24h",
		Meaning: "after how long the approvers are reminded, and then once a day; 0 means never",
		right:   "give a time such as 24h that is less than APPROVAL_EXPIRY, or 0 for no reminder",
	}, {
		Name: "MAX_ACTIVE_REQUESTS", Default: "5",
		Meaning: "how many requests of one person for accounts may be under way; new passwords have a limit of their own",
		right:   "give a whole number from 1 on, such as 5",
	}, {
		Name: "REQUESTS_PER_MINUTE", Default: "10",
		Meaning: "how many commands and forms a minute one person may send, to each replica; 0 means no limit",
		right:   "give a whole number from 1 to 1000, such as 10, or 0 for no limit",
	}, {
		Name:    "POLICY_URL",
		Meaning: "https address of a use policy that who asks has to accept; only with POLICY_VERSION",
		right:   "give an https URL of at most 3000 characters, such as https://hpc.example.org/policy, or leave it unset",
	}, {
		Name:    "POLICY_VERSION",
		Meaning: "version of that policy; people accept each version anew",
		right:   "give one line of at most 40 characters, such as 2026-10",
	}, {
		Name:    "POLICY_FILE",
		Meaning: "path of a YAML file with a policy for each cluster, which is read again on SIGHUP",
		right:   "let it name a readable file with a policy for each cluster, or leave it unset",
	}, {
		Name: "SPONSOR_REQUIRED", Default: "false",
		Meaning: "whether who asks names a sponsor, who approves first",
		right:   "give true or false",
	}, {
		Name: "PASSWORD_LENGTH", Default: "20",
		Meaning: "characters of a password, 12–30",
		right:   "give a whole number from 12 to 30, such as 20",
	}, {
		Name: "CREDENTIALS_TTL", Default: "24h",
		Meaning: "how long the credentials can be seen in the direct message, or behind its button; 0 means for good",
		right:   "give a time such as 24h or 3d, or 0 to keep the credentials",
	}, {
		Name: "CREDENTIALS_DELIVERY", Default: "message",
		Meaning: "how the credentials are handed over: in the direct message, or behind a button in it: message or button",
		right:   "give message or button",
	}, {
		Name:    "LOGIN_HINT",
		Meaning: "shown with the credentials, such as ssh {username}@login.example.org; {cluster} is the cluster's id",
		right:   "give one line of at most 500 characters, such as ssh {username}@login.example.org",
	}}
}

func processVariables() []Variable {
	return []Variable{{
		Name: "DATABASE_URL", Default: "sqlite:ehpcbot.db", Secret: true,
		Meaning: "where requests are kept: sqlite:PATH or postgres://…",
		right:   "give sqlite:PATH, such as sqlite:ehpcbot.db, or postgres://user:password@host:5432/database",
	}, {
		Name: "ENCRYPTION_KEY", Secret: true,
		Meaning: "32 bytes in base64; several, comma separated: the first seals, all open. " +
			"With SQLite it is made once, beside the database; with PostgreSQL it is required",
		right: "make a key with: openssl rand -base64 32",
	}, {
		Name: "HTTP_ADDR", Default: "127.0.0.1:9095", emptyMeans: true,
		Meaning: "address of /healthz, /readyz and /metrics; set to nothing: off",
		right:   "give host:port, such as 127.0.0.1:9095, or set it to nothing for off",
	}, {
		Name: "LOCALE", Default: "en",
		Meaning: "language of the channel, and of people whose own is not spoken: en or zh",
		right:   "give en or zh",
	}, {
		Name: "LOG_LEVEL", Default: "info",
		Meaning: "least level that is logged: debug, info, warn or error",
		right:   "give debug, info, warn or error",
	}, {
		Name: "LOG_FORMAT", Default: "text",
		Meaning: "text or json",
		right:   "give text or json",
	}}
}
