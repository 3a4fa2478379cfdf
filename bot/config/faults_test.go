package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/config"
)

const (
	rightAppToken       = "; set it to the app-level token, xapp-…, which the Slack app's Basic Information page makes with the scope connections:write"
	rightBotToken       = "; set it to the bot token, xoxb-…, which the Slack app's OAuth & Permissions page shows once the app is installed"
	rightAPIURL         = "; leave it unset, or give a URL such as https://slack.com/api/ (http is for this machine alone)"
	rightConns          = "; give a whole number from 1 to 10, such as 2"
	rightCommand        = "; give a name such as /ehpc-adduser: a slash, then lower-case letters, digits, - and _, 32 characters in all"
	rightKeyID          = "; set it to the id of an API key, from the API Keys page of the QingCloud console"
	rightKeySecret      = "; set it to the secret that was shown when the API key was made"
	rightEndpoint       = "; give a URL such as https://hpc.api.qingcloud.com (http is for this machine alone)"
	rightCalls          = "; give a whole number such as 2000, or 0 for no limit"
	rightClusters       = "; list clusters as id@zone or id@zone=Name, such as ehpc-8jqdq0mz@jn1a,ehpc-x@jn1a=Training"
	rightMods           = "; list values of three octal digits, such as 700,750,755, or set it to nothing for any"
	rightReserved       = "; list names such as root,admin,slurm, or set it to nothing for none"
	rightChannel        = "; give the channel's id, such as C0123456789, which stands at the end of the channel's details in Slack"
	rightAdministrators = "; list ids of people and user groups, such as U0123456789,S0123456789, or leave it unset for nobody"
	rightApprovers      = "; list ids of people and user groups, such as U0123456789,S0123456789 (in a person's profile: ⋮, Copy member ID)"
	rightFallback       = "; list ids of people and user groups, such as U0123456789,S0123456789, or leave it unset for none"
	rightRequired       = "; give a whole number from 1 on, such as 1"
	rightExpiry         = "; give a time such as 72h or 3d, more than 0 and at most 365d"
	rightReminder       = "; give a time such as 24h that is less than APPROVAL_EXPIRY, or 0 for no reminder"
	rightUseURL         = "; give an https URL of at most 3000 characters, such as https://hpc.example.org/policy, or leave it unset"
	rightUse            = "; give one line of at most 40 characters, such as 2026-10"
	rightLength         = "; give a whole number from 12 to 30, such as 20"
	rightPerMinute      = "; give a whole number from 1 to 1000, such as 10, or 0 for no limit"
	rightTTL            = "; give a time such as 24h or 3d, or 0 to keep the credentials"
	rightHint           = "; give one line of at most 500 characters, such as ssh {username}@login.example.org"
	rightDatabase       = "; give sqlite:PATH, such as sqlite:ehpcbot.db, or postgres://user:password@host:5432/database"
	rightAt             = "DATABASE_URL: has another @ than the one in front of the host: an @ in a password is written %40, and a / is written %2F"
	rightKey            = "; make a key with: openssl rand -base64 32"
	rightHTTP           = "; give host:port, such as 127.0.0.1:9095, or set it to nothing for off"
	leaveQuotes         = ": stands in quotes, which would be part of the value; leave the quotes out"
	notShown            = "its value (not shown, as it looks like a secret)"
)

// Each line is the environment, beyond the required variables, and the exact words about it.
func TestFaults(t *testing.T) {
	t.Parallel()
	type env = map[string]string
	for name, tt := range map[string]struct {
		env  env
		want string
	}{
		"app token missing":      {env{"SLACK_APP_TOKEN": "unset"}, "SLACK_APP_TOKEN: is missing" + rightAppToken},
		"app token empty":        {env{"SLACK_APP_TOKEN": " "}, "SLACK_APP_TOKEN: is missing" + rightAppToken},
		"app token: a bot's":     {env{"SLACK_APP_TOKEN": "xoxb-1-abcdefg"}, "SLACK_APP_TOKEN: holds a bot token" + rightAppToken},
		"app token: garbage":     {env{"SLACK_APP_TOKEN": "abcdefghijkl"}, "SLACK_APP_TOKEN: does not begin with xapp-" + rightAppToken},
		"app token: prefix":      {env{"SLACK_APP_TOKEN": "xapp-"}, "SLACK_APP_TOKEN: ends after xapp-" + rightAppToken},
		"app token: two":         {env{"SLACK_APP_TOKEN": "xapp-1-abc xapp-1-def"}, "SLACK_APP_TOKEN: has white space inside" + rightAppToken},
		"app token: dots":        {env{"SLACK_APP_TOKEN": "xapp-1-abc…"}, "SLACK_APP_TOKEN: holds a character that is not printable ASCII" + rightAppToken},
		"app token: quotes":      {env{"SLACK_APP_TOKEN": `"xapp-1-abc"`}, "SLACK_APP_TOKEN" + leaveQuotes},
		"bot token missing":      {env{"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN: is missing" + rightBotToken},
		"bot token: an app's":    {env{"SLACK_BOT_TOKEN": "xapp-1-abcdefg"}, "SLACK_BOT_TOKEN: holds an app-level token" + rightBotToken},
		"bot token: a user's":    {env{"SLACK_BOT_TOKEN": "xoxp-1-abcdefg"}, "SLACK_BOT_TOKEN: holds a user token" + rightBotToken},
		"bot token: rotating":    {env{"SLACK_BOT_TOKEN": "xoxe.xoxb-1-abcdefg"}, "SLACK_BOT_TOKEN: holds a token that expires" + rightBotToken},
		"tokens swapped":         {env{"SLACK_APP_TOKEN": "xoxb-1-abcdefg", "SLACK_BOT_TOKEN": "xapp-1-abcdefg"}, "SLACK_APP_TOKEN: holds the bot token, and SLACK_BOT_TOKEN the app-level one; swap the two"},
		"api url: http":          {env{"SLACK_API_URL": "http://slack.com/api/"}, `SLACK_API_URL: "http://slack.com/api/": endpoint must use https (http is for loopback only)` + rightAPIURL},
		"api url: no scheme":     {env{"SLACK_API_URL": "slack.com/api/"}, `SLACK_API_URL: "slack.com/api/": endpoint must start with https://` + rightAPIURL},
		"api url: ftp":           {env{"SLACK_API_URL": "ftp://slack.com/api/"}, `SLACK_API_URL: "ftp://slack.com/api/": endpoint must start with https://` + rightAPIURL},
		"api url: query":         {env{"SLACK_API_URL": "https://slack.com/api/?a"}, `SLACK_API_URL: "https://slack.com/api/?a": endpoint must end after the host and port` + rightAPIURL},
		"api url: user":          {env{"SLACK_API_URL": "https://me@slack.com/api/"}, `SLACK_API_URL: "https://me@slack.com/api/": endpoint must not hold a user name or a password` + rightAPIURL},
		"api url: password":      {env{"SLACK_API_URL": "https://me:hunter2@slack.com/"}, "SLACK_API_URL: " + notShown + ": endpoint must not hold a user name or a password" + rightAPIURL},
		"connections: none":      {env{"SLACK_CONNECTIONS": "0"}, "SLACK_CONNECTIONS: 0 is less than 1" + rightConns},
		"connections: too many":  {env{"SLACK_CONNECTIONS": "11"}, "SLACK_CONNECTIONS: 11 is more than 10" + rightConns},
		"connections: words":     {env{"SLACK_CONNECTIONS": "two"}, `SLACK_CONNECTIONS: "two" is not a whole number` + rightConns},
		"connections: hex":       {env{"SLACK_CONNECTIONS": "0x2"}, `SLACK_CONNECTIONS: "0x2" is not a whole number` + rightConns},
		"connections: huge":      {env{"SLACK_CONNECTIONS": "99999999999999999999"}, `SLACK_CONNECTIONS: "99999999999999999999" is out of range` + rightConns},
		"command: no slash":      {env{"SLACK_COMMAND": "ehpc-adduser"}, `SLACK_COMMAND: "ehpc-adduser" is not the name of a command` + rightCommand},
		"command: capitals":      {env{"SLACK_COMMAND": "/EHPC"}, `SLACK_COMMAND: "/EHPC" is not the name of a command` + rightCommand},
		"command: words":         {env{"SLACK_COMMAND": "/add user"}, `SLACK_COMMAND: "/add user" is not the name of a command` + rightCommand},
		"command: long":          {env{"SLACK_COMMAND": "/" + strings.Repeat("a", 32)}, `SLACK_COMMAND: "/` + strings.Repeat("a", 32) + `" is not the name of a command` + rightCommand},
		"command: a token":       {env{"SLACK_COMMAND": "xoxb-1-abcdefg"}, "SLACK_COMMAND: " + notShown + " is not the name of a command" + rightCommand},
		"key id missing":         {env{"QINGCLOUD_ACCESS_KEY_ID": "unset"}, "QINGCLOUD_ACCESS_KEY_ID: is missing" + rightKeyID},
		"key id: two":            {env{"QINGCLOUD_ACCESS_KEY_ID": "QYA QYB"}, "QINGCLOUD_ACCESS_KEY_ID: has white space inside" + rightKeyID},
		"key missing":            {env{"QINGCLOUD_SECRET_ACCESS_KEY": "unset"}, "QINGCLOUD_SECRET_ACCESS_KEY: is missing" + rightKeySecret},
		"key: two lines":         {env{"QINGCLOUD_SECRET_ACCESS_KEY": "abc\ndef"}, "QINGCLOUD_SECRET_ACCESS_KEY: has white space inside" + rightKeySecret},
		"endpoint: http":         {env{"EHPC_ENDPOINT": "http://hpc.api.qingcloud.com"}, `EHPC_ENDPOINT: "http://hpc.api.qingcloud.com": endpoint must use https (http is for loopback only)` + rightEndpoint},
		"endpoint: no scheme":    {env{"EHPC_ENDPOINT": "hpc.api.qingcloud.com"}, `EHPC_ENDPOINT: "hpc.api.qingcloud.com": endpoint must start with https://` + rightEndpoint},
		"at once: none":          {env{"EHPC_ACCOUNTS_AT_ONCE": "0"}, "EHPC_ACCOUNTS_AT_ONCE: 0 is less than 1; give a whole number from 1 to 20"},
		"at once: many":          {env{"EHPC_ACCOUNTS_AT_ONCE": "21"}, "EHPC_ACCOUNTS_AT_ONCE: 21 is more than 20; give a whole number from 1 to 20"},
		"calls: negative":        {env{"EHPC_CALLS_PER_HOUR": "-1"}, "EHPC_CALLS_PER_HOUR: -1 is less than 0" + rightCalls},
		"calls: one":             {env{"EHPC_CALLS_PER_HOUR": "1"}, "EHPC_CALLS_PER_HOUR: 1 is too few, as an account takes a look-up and a call that follows it at once" + rightCalls},
		"calls: fraction":        {env{"EHPC_CALLS_PER_HOUR": "0.5"}, `EHPC_CALLS_PER_HOUR: "0.5" is not a whole number` + rightCalls},
		"clusters missing":       {env{"EHPC_CLUSTERS": "unset"}, "EHPC_CLUSTERS: is missing" + rightClusters},
		"clusters: no zone":      {env{"EHPC_CLUSTERS": "ehpc-8jqdq0mz"}, `EHPC_CLUSTERS: in "ehpc-8jqdq0mz" there is no @zone` + rightClusters},
		"clusters: no id":        {env{"EHPC_CLUSTERS": "@jn1a"}, `EHPC_CLUSTERS: in "@jn1a" the id before @ is not one such as ehpc-8jqdq0mz` + rightClusters},
		"clusters: odd id":       {env{"EHPC_CLUSTERS": "ehpc x@jn1a"}, `EHPC_CLUSTERS: in "ehpc x@jn1a" the id before @ is not one such as ehpc-8jqdq0mz` + rightClusters},
		"clusters: empty zone":   {env{"EHPC_CLUSTERS": "ehpc-x@=A"}, `EHPC_CLUSTERS: in "ehpc-x@=A" the zone after @ is not one such as jn1a` + rightClusters},
		"clusters: empty name":   {env{"EHPC_CLUSTERS": "ehpc-x@jn1a="}, `EHPC_CLUSTERS: in "ehpc-x@jn1a=" there is no name after =` + rightClusters},
		"clusters: long name":    {env{"EHPC_CLUSTERS": "ehpc-x@jn1a=" + strings.Repeat("名", 76)}, `EHPC_CLUSTERS: in "ehpc-x@jn1a=` + strings.Repeat("名", 48) + `"… the name has more than 75 characters` + rightClusters},
		"clusters: control":      {env{"EHPC_CLUSTERS": "ehpc-x@jn1a=A\x00B"}, `EHPC_CLUSTERS: in "ehpc-x@jn1a=A\x00B" the name holds a control character` + rightClusters},
		"clusters: comma":        {env{"EHPC_CLUSTERS": "ehpc-x@jn1a,"}, "EHPC_CLUSTERS: item 2 is empty" + rightClusters},
		"clusters: same id":      {env{"EHPC_CLUSTERS": "ehpc-x@jn1a,ehpc-x@sd2a=B"}, `EHPC_CLUSTERS: "ehpc-x@jn1a" and "ehpc-x@sd2a=B" go by the same id or name` + rightClusters},
		"clusters: same name":    {env{"EHPC_CLUSTERS": "ehpc-x@jn1a=Training,ehpc-y@jn1a=training"}, `EHPC_CLUSTERS: "ehpc-x@jn1a=Training" and "ehpc-y@jn1a=training" go by the same id or name` + rightClusters},
		"clusters: id as name":   {env{"EHPC_CLUSTERS": "ehpc-x@jn1a,ehpc-y@jn1a=ehpc-x"}, `EHPC_CLUSTERS: "ehpc-x@jn1a" and "ehpc-y@jn1a=ehpc-x" go by the same id or name` + rightClusters},
		"mods: two digits":       {env{"EHPC_ALLOWED_MODS": "700,77"}, `EHPC_ALLOWED_MODS: "77" is not three octal digits` + rightMods},
		"mods: not octal":        {env{"EHPC_ALLOWED_MODS": "708"}, `EHPC_ALLOWED_MODS: "708" is not three octal digits` + rightMods},
		"mods: twice":            {env{"EHPC_ALLOWED_MODS": "700,750,700"}, `EHPC_ALLOWED_MODS: "700" stands there twice` + rightMods},
		"mods: comma":            {env{"EHPC_ALLOWED_MODS": ",700"}, "EHPC_ALLOWED_MODS: item 1 is empty" + rightMods},
		"pattern: none":          {env{"USERNAME_PATTERN": "(a"}, "USERNAME_PATTERN: \"(a\" is no regular expression: error parsing regexp: missing closing ): `(a`; give a regular expression such as [a-z][a-z0-9]*, or leave it unset for the API's rule alone"},
		"pattern: does not end":  {env{"USERNAME_PATTERN": `\Qisabel`}, "USERNAME_PATTERN: \"\\\\Qisabel\" is no regular expression: error parsing regexp: missing closing ): `^(?:\\Qisabel)$`; give a regular expression such as [a-z][a-z0-9]*, or leave it unset for the API's rule alone"},
		"reserved: no names":     {env{"EHPC_RESERVED_USERNAMES": "root,a b"}, `EHPC_RESERVED_USERNAMES: "a b" is no username` + rightReserved},
		"channel missing":        {env{"APPROVAL_CHANNEL": "unset"}, "APPROVAL_CHANNEL: is missing" + rightChannel},
		"channel: name":          {env{"APPROVAL_CHANNEL": "#hpc"}, `APPROVAL_CHANNEL: "#hpc" is a channel's name` + rightChannel},
		"channel: a person":      {env{"APPROVAL_CHANNEL": "U0123456789"}, `APPROVAL_CHANNEL: "U0123456789" is no channel's id` + rightChannel},
		"channel: lower case":    {env{"APPROVAL_CHANNEL": "c0123456789"}, `APPROVAL_CHANNEL: "c0123456789" is no channel's id` + rightChannel},
		"approvers missing":      {env{"APPROVERS": ""}, "APPROVERS: is missing" + rightApprovers},
		"approvers: name":        {env{"APPROVERS": "U1,@isabel"}, `APPROVERS: "@isabel" is a name` + rightApprovers},
		"approvers: channel":     {env{"APPROVERS": "C0123456789"}, `APPROVERS: "C0123456789" is no id of a person or a user group` + rightApprovers},
		"approvers: twice":       {env{"APPROVERS": "U1,U1"}, `APPROVERS: "U1" stands there twice` + rightApprovers},
		"administrators: name":   {env{"ADMINISTRATORS": "@isabel"}, `ADMINISTRATORS: "@isabel" is a name` + rightAdministrators},
		"administrators: id":     {env{"ADMINISTRATORS": "U1,isabel"}, `ADMINISTRATORS: "isabel" is no id of a person or a user group` + rightAdministrators},
		"required: none":         {env{"APPROVALS_REQUIRED": "0"}, "APPROVALS_REQUIRED: 0 is less than 1" + rightRequired},
		"fallback: name":         {env{"APPROVERS_FALLBACK": "@isabel"}, `APPROVERS_FALLBACK: "@isabel" is a name` + rightFallback},
		"fallback: channel":      {env{"APPROVERS_FALLBACK": "U1,C0123456789"}, `APPROVERS_FALLBACK: "C0123456789" is no id of a person or a user group` + rightFallback},
		"fallback: twice":        {env{"APPROVERS_FALLBACK": "U1,U1"}, `APPROVERS_FALLBACK: "U1" stands there twice` + rightFallback},
		"required: unreachable":  {env{"APPROVALS_REQUIRED": "3", "APPROVERS": "U1,W2"}, "APPROVALS_REQUIRED: 3 is more than the people whom APPROVERS lists (2); lower it, or list more approvers"},
		"self: maybe":            {env{"APPROVAL_ALLOW_SELF": "maybe"}, `APPROVAL_ALLOW_SELF: "maybe" is neither true nor false; give true or false`},
		"reset: sometimes":       {env{"RESET_NEEDS_APPROVAL": "sometimes"}, `RESET_NEEDS_APPROVAL: "sometimes" is neither true nor false; give true or false`},
		"expiry: no unit":        {env{"APPROVAL_EXPIRY": "72"}, `APPROVAL_EXPIRY: "72" has no unit` + rightExpiry},
		"expiry: words":          {env{"APPROVAL_EXPIRY": "three days"}, `APPROVAL_EXPIRY: "three days" is not a time` + rightExpiry},
		"expiry: order":          {env{"APPROVAL_EXPIRY": "1d-2h"}, `APPROVAL_EXPIRY: "1d-2h" is not a time` + rightExpiry},
		"expiry: none":           {env{"APPROVAL_EXPIRY": "0", "APPROVAL_REMINDER": "0"}, "APPROVAL_EXPIRY: 0 would end each request at once" + rightExpiry},
		"expiry: negative":       {env{"APPROVAL_EXPIRY": "-1h"}, "APPROVAL_EXPIRY: -1h is less than 0" + rightExpiry},
		"expiry: long":           {env{"APPROVAL_EXPIRY": "365d1s"}, "APPROVAL_EXPIRY: 365d1s is more than 365d" + rightExpiry},
		"reminder: late":         {env{"APPROVAL_REMINDER": "3d"}, "APPROVAL_REMINDER: 3d is not less than APPROVAL_EXPIRY, which is 72h" + rightReminder},
		"reminder: default":      {env{"APPROVAL_EXPIRY": "12h"}, "APPROVAL_REMINDER: 24h is not less than APPROVAL_EXPIRY, which is 12h" + rightReminder},
		"reminder: negative":     {env{"APPROVAL_REMINDER": "-5m"}, "APPROVAL_REMINDER: -5m is less than 0" + rightReminder},
		"active: none":           {env{"MAX_ACTIVE_REQUESTS": "0"}, "MAX_ACTIVE_REQUESTS: 0 is less than 1; give a whole number from 1 on, such as 5"},
		"per minute: less":       {env{"REQUESTS_PER_MINUTE": "-1"}, "REQUESTS_PER_MINUTE: -1 is less than 0" + rightPerMinute},
		"per minute: words":      {env{"REQUESTS_PER_MINUTE": "none"}, `REQUESTS_PER_MINUTE: "none" is not a whole number` + rightPerMinute},
		"policy without version": {env{"POLICY_URL": "https://hpc.example.org/policy"}, "POLICY_VERSION: is not set, but POLICY_URL is" + rightUse},
		"version without policy": {env{"POLICY_VERSION": "2"}, "POLICY_URL: is not set, but POLICY_VERSION is; set it to the address of that policy, or leave POLICY_VERSION unset"},
		"policy: http":           {env{"POLICY_URL": "http://hpc.example.org", "POLICY_VERSION": "2"}, `POLICY_URL: "http://hpc.example.org" is no https address` + rightUseURL},
		"policy: no address":     {env{"POLICY_URL": "use policy", "POLICY_VERSION": "2"}, `POLICY_URL: "use policy" is no https address` + rightUseURL},
		"policy: a password":     {env{"POLICY_URL": "https://a:b@hpc.example.org", "POLICY_VERSION": "2"}, "POLICY_URL: " + notShown + " is no https address" + rightUseURL},
		"policy: too long":       {env{"POLICY_URL": "https://hpc.example.org/" + strings.Repeat("p", 3000), "POLICY_VERSION": "2"}, "POLICY_URL: has 3024 characters" + rightUseURL},
		"version: too long":      {env{"POLICY_URL": "https://hpc.example.org", "POLICY_VERSION": strings.Repeat("2", 41)}, "POLICY_VERSION: has 41 characters" + rightUse},
		"version: two lines":     {env{"POLICY_URL": "https://hpc.example.org", "POLICY_VERSION": "2\n3"}, "POLICY_VERSION: holds a line break or another character that is not seen" + rightUse},
		"length: short":          {env{"PASSWORD_LENGTH": "11"}, "PASSWORD_LENGTH: 11 is less than 12" + rightLength},
		"length: long":           {env{"PASSWORD_LENGTH": "31"}, "PASSWORD_LENGTH: 31 is more than 30" + rightLength},
		"ttl: no unit":           {env{"CREDENTIALS_TTL": "24"}, `CREDENTIALS_TTL: "24" has no unit` + rightTTL},
		"delivery: mail":         {env{"CREDENTIALS_DELIVERY": "mail"}, `CREDENTIALS_DELIVERY: "mail" is not known; give message or button`},
		"hint: long":             {env{"LOGIN_HINT": strings.Repeat("登", 501)}, "LOGIN_HINT: has 501 characters" + rightHint},
		"hint: placeholder":      {env{"LOGIN_HINT": "ssh {user}@{cluster}"}, "LOGIN_HINT: has {user}, and nothing is filled in but {username} and {cluster}" + rightHint},
		"hint: lines":            {env{"LOGIN_HINT": "one\ntwo"}, "LOGIN_HINT: holds a line break or another control character" + rightHint},
		"database: no scheme":    {env{"DATABASE_URL": "ehpcbot.db"}, "DATABASE_URL: begins neither with sqlite: nor with postgres://" + rightDatabase},
		"database: mysql":        {env{"DATABASE_URL": "mysql://me:hunter2@db/x"}, "DATABASE_URL: begins neither with sqlite: nor with postgres://" + rightDatabase},
		"database: no path":      {env{"DATABASE_URL": "sqlite:"}, "DATABASE_URL: has sqlite: without a path" + rightDatabase},
		"database: space":        {env{"DATABASE_URL": "sqlite: ehpcbot.db"}, "DATABASE_URL: has white space between sqlite: and the path" + rightDatabase},
		"database: memory":       {env{"DATABASE_URL": "sqlite::memory:"}, "DATABASE_URL: is a database in memory, which would forget every request" + rightDatabase},
		"database: slashes":      {env{"DATABASE_URL": "sqlite://data/ehpcbot.db"}, "DATABASE_URL: has // after sqlite:, but a path follows there at once" + rightDatabase},
		"database: options":      {env{"DATABASE_URL": "sqlite:ehpcbot.db?mode=ro"}, "DATABASE_URL: is a URI with options after sqlite:, but a plain path follows there" + rightDatabase},
		"database: directory":    {env{"DATABASE_URL": "sqlite:data/"}, "DATABASE_URL: names a directory" + rightDatabase},
		"database: a folder":     {env{"DATABASE_URL": "sqlite:testdata"}, "DATABASE_URL: names a directory" + rightDatabase},
		"database: control":      {env{"DATABASE_URL": "sqlite:a\nb"}, "DATABASE_URL: holds a control character" + rightDatabase},
		"postgres: nothing":      {env{"DATABASE_URL": "postgres://", "ENCRYPTION_KEY": key('k')}, "DATABASE_URL: names no host and no database" + rightDatabase},
		"postgres: password":     {env{"DATABASE_URL": "postgres://me:hunt/er2@db/x", "ENCRYPTION_KEY": key('k')}, "DATABASE_URL: is not a URL: special characters of a password must be percent-encoded in it" + rightDatabase},
		"postgres: @":            {env{"DATABASE_URL": "postgres://me:s3cr3t@hunter2@127.0.0.1/x", "ENCRYPTION_KEY": key('k')}, rightAt + rightDatabase},
		"postgres: @ and /":      {env{"DATABASE_URL": "postgres://me:s3@cr/3t@db/x", "ENCRYPTION_KEY": key('k')}, rightAt + rightDatabase},
		"postgres: / and @":      {env{"DATABASE_URL": "postgres://me:12/3t@db/x", "ENCRYPTION_KEY": key('k')}, rightAt + rightDatabase},
		"postgres: no key":       {env{"DATABASE_URL": "postgresql://me:hunter2@db/x"}, "ENCRYPTION_KEY: is missing, and with PostgreSQL it is required" + rightKey},
		"key: not base64":        {env{"ENCRYPTION_KEY": "correct horse battery"}, "ENCRYPTION_KEY: key 1 is not base64" + rightKey},
		"key: short":             {env{"ENCRYPTION_KEY": key('k') + ",c2hvcnQ="}, "ENCRYPTION_KEY: key 2 has 5 bytes, not 32" + rightKey},
		"key: empty item":        {env{"ENCRYPTION_KEY": key('k') + ","}, "ENCRYPTION_KEY: key 2 is empty" + rightKey},
		"key: twice":             {env{"ENCRYPTION_KEY": key('a') + "," + key('b') + "," + strings.TrimRight(key('a'), "=")}, "ENCRYPTION_KEY: keys 1 and 3 are the same; list each key once"},
		"http: no port":          {env{"HTTP_ADDR": "127.0.0.1"}, `HTTP_ADDR: "127.0.0.1" is not host:port` + rightHTTP},
		"http: a URL":            {env{"HTTP_ADDR": "http://127.0.0.1:9095"}, `HTTP_ADDR: "http://127.0.0.1:9095" is not host:port` + rightHTTP},
		"http: port":             {env{"HTTP_ADDR": "127.0.0.1:99999"}, `HTTP_ADDR: "127.0.0.1:99999" has no port from 0 to 65535` + rightHTTP},
		"http: host":             {env{"HTTP_ADDR": "my host:9095"}, `HTTP_ADDR: "my host:9095" has no host that could be listened on` + rightHTTP},
		"locale":                 {env{"LOCALE": "fr"}, `LOCALE: "fr" is not known; give en or zh`},
		"log level":              {env{"LOG_LEVEL": "loud"}, `LOG_LEVEL: "loud" is not known; give debug, info, warn or error`},
		"log format: quotes":     {env{"LOG_FORMAT": "'json'"}, "LOG_FORMAT" + leaveQuotes},
		"log format":             {env{"LOG_FORMAT": "xml"}, `LOG_FORMAT: "xml" is not known; give text or json`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, []string{tt.want}, faults(t, with(tt.env)))
		})
	}
}

// All at once, in the order of the table, however they were found.
func TestFaultsAreToldTogether(t *testing.T) {
	t.Parallel()
	lines := faults(t, map[string]string{
		"LOG_LEVEL":          "loud",
		"EHPC_CLUSTERS":      "ehpc-x,,ehpc-y@jn1a",
		"APPROVERS":          "@isabel,#hpc",
		"APPROVALS_REQUIRED": "9",
	})
	require.Equal(t, []string{
		"SLACK_APP_TOKEN: is missing" + rightAppToken,
		"SLACK_BOT_TOKEN: is missing" + rightBotToken,
		"QINGCLOUD_ACCESS_KEY_ID: is missing" + rightKeyID,
		"QINGCLOUD_SECRET_ACCESS_KEY: is missing" + rightKeySecret,
		`EHPC_CLUSTERS: in "ehpc-x" there is no @zone` + rightClusters,
		"EHPC_CLUSTERS: item 2 is empty" + rightClusters,
		"APPROVAL_CHANNEL: is missing" + rightChannel,
		`APPROVERS: "@isabel" is a name` + rightApprovers,
		`APPROVERS: "#hpc" is no id of a person or a user group` + rightApprovers,
		`LOG_LEVEL: "loud" is not known; give debug, info, warn or error`,
	}, lines)
}

func TestFaultsOfTooMany(t *testing.T) {
	t.Parallel()
	var clusters, mods []string
	for i := range 101 {
		clusters = append(clusters, "ehpc-"+strings.Repeat("x", i%50)+string(rune('a'+i/50))+"@jn1a")
	}
	for i := range 100 {
		mods = append(mods, string([]rune{'0' + rune(i/64), '0' + rune(i/8%8), '0' + rune(i%8)}))
	}
	require.Equal(t, []string{
		"EHPC_CLUSTERS: lists 101 clusters, and a form has room for 100" + rightClusters,
		"EHPC_ALLOWED_MODS: lists 100 values, and a form has room for 99" + rightMods,
	}, faults(t, with(map[string]string{"EHPC_CLUSTERS": strings.Join(clusters, ","), "EHPC_ALLOWED_MODS": strings.Join(mods, ",")})))
}

func TestFault(t *testing.T) {
	t.Parallel()
	require.Equal(t, "LOCALE: is odd; give en", config.Fault{Variable: "LOCALE", Wrong: "is odd", Right: "give en"}.String())
}
