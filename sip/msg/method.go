package msg

// Method is a SIP request method. Methods we have no name for are Unknown; Message.MethodName has their text.
type Method uint8

// The methods of RFC 3261 and of the extensions the product knows.
const (
	Unknown Method = iota
	INVITE
	ACK
	CANCEL
	BYE
	OPTIONS
	REGISTER
	PRACK
	UPDATE
	INFO
	SUBSCRIBE
	NOTIFY
	MESSAGE
	REFER
	PUBLISH
)

// String returns the method as written on the wire; "UNKNOWN" for Unknown.
func (m Method) String() string {
	switch m {
	case Unknown:
		return "UNKNOWN"
	case INVITE:
		return "INVITE"
	case ACK:
		return "ACK"
	case CANCEL:
		return "CANCEL"
	case BYE:
		return "BYE"
	case OPTIONS:
		return "OPTIONS"
	case REGISTER:
		return "REGISTER"
	case PRACK:
		return "PRACK"
	case UPDATE:
		return "UPDATE"
	case INFO:
		return "INFO"
	case SUBSCRIBE:
		return "SUBSCRIBE"
	case NOTIFY:
		return "NOTIFY"
	case MESSAGE:
		return "MESSAGE"
	case REFER:
		return "REFER"
	case PUBLISH:
		return "PUBLISH"
	}
	return "UNKNOWN"
}

// ParseMethod returns the method with exactly this name: methods are case-sensitive (RFC 3261 §7.1), and an
// escaped letter makes another method (RFC 4475 §3.1.1.5).
func ParseMethod[S ~string | ~[]byte](name S) Method {
	switch string(name) {
	case "INVITE":
		return INVITE
	case "ACK":
		return ACK
	case "CANCEL":
		return CANCEL
	case "BYE":
		return BYE
	case "OPTIONS":
		return OPTIONS
	case "REGISTER":
		return REGISTER
	case "PRACK":
		return PRACK
	case "UPDATE":
		return UPDATE
	case "INFO":
		return INFO
	case "SUBSCRIBE":
		return SUBSCRIBE
	case "NOTIFY":
		return NOTIFY
	case "MESSAGE":
		return MESSAGE
	case "REFER":
		return REFER
	case "PUBLISH":
		return PUBLISH
	}
	return Unknown
}
