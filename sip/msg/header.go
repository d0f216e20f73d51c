package msg

// ID is the identity of a header field, whatever its spelling: case and compact form do not matter.
type ID uint8

// The header fields the product knows by number: RFC 3261 §20 and the extensions it speaks. Every other field is
// HeaderOther and is found by name.
const (
	HeaderOther ID = iota
	HeaderVia
	HeaderFrom
	HeaderTo
	HeaderCallID
	HeaderCSeq
	HeaderContact
	HeaderMaxForwards
	HeaderRoute
	HeaderRecordRoute
	HeaderContentLength
	HeaderContentType
	HeaderAccept
	HeaderAcceptContact
	HeaderAcceptEncoding
	HeaderAcceptLanguage
	HeaderAcceptResourcePriority
	HeaderAlertInfo
	HeaderAllow
	HeaderAllowEvents
	HeaderAnswerMode
	HeaderAuthenticationInfo
	HeaderAuthorization
	HeaderCallInfo
	HeaderContentDisposition
	HeaderContentEncoding
	HeaderContentID
	HeaderContentLanguage
	HeaderDate
	HeaderDiversion
	HeaderErrorInfo
	HeaderEvent
	HeaderExpires
	HeaderFlowTimer
	HeaderGeolocation
	HeaderHistoryInfo
	HeaderIdentity
	HeaderInReplyTo
	HeaderInfoPackage
	HeaderJoin
	HeaderMIMEVersion
	HeaderMinExpires
	HeaderMinSE
	HeaderOrganization
	HeaderPAccessNetworkInfo
	HeaderPAssertedIdentity
	HeaderPAssociatedURI
	HeaderPCalledPartyID
	HeaderPChargingVector
	HeaderPEarlyMedia
	HeaderPPreferredIdentity
	HeaderPath
	HeaderPriority
	HeaderPrivacy
	HeaderProxyAuthenticate
	HeaderProxyAuthorization
	HeaderProxyRequire
	HeaderRAck
	HeaderRSeq
	HeaderReason
	HeaderRecvInfo
	HeaderReferSub
	HeaderReferTo
	HeaderReferredBy
	HeaderRejectContact
	HeaderRemotePartyID
	HeaderReplaces
	HeaderReplyTo
	HeaderRequestDisposition
	HeaderRequire
	HeaderResourcePriority
	HeaderRetryAfter
	HeaderSIPETag
	HeaderSIPIfMatch
	HeaderServer
	HeaderServiceRoute
	HeaderSessionExpires
	HeaderSessionID
	HeaderSubject
	HeaderSubscriptionState
	HeaderSupported
	HeaderTargetDialog
	HeaderTimestamp
	HeaderUnsupported
	HeaderUserAgent
	HeaderUserToUser
	HeaderWWWAuthenticate
	HeaderWarning

	headerCount // one past the last identity
)

// names holds the canonical long form of each header field, by ID.
var names = [headerCount]string{
	HeaderVia:                    "Via",
	HeaderFrom:                   "From",
	HeaderTo:                     "To",
	HeaderCallID:                 "Call-ID",
	HeaderCSeq:                   "CSeq",
	HeaderContact:                "Contact",
	HeaderMaxForwards:            "Max-Forwards",
	HeaderRoute:                  "Route",
	HeaderRecordRoute:            "Record-Route",
	HeaderContentLength:          "Content-Length",
	HeaderContentType:            "Content-Type",
	HeaderAccept:                 "Accept",
	HeaderAcceptContact:          "Accept-Contact",
	HeaderAcceptEncoding:         "Accept-Encoding",
	HeaderAcceptLanguage:         "Accept-Language",
	HeaderAcceptResourcePriority: "Accept-Resource-Priority",
	HeaderAlertInfo:              "Alert-Info",
	HeaderAllow:                  "Allow",
	HeaderAllowEvents:            "Allow-Events",
	HeaderAnswerMode:             "Answer-Mode",
	HeaderAuthenticationInfo:     "Authentication-Info",
	HeaderAuthorization:          "Authorization",
	HeaderCallInfo:               "Call-Info",
	HeaderContentDisposition:     "Content-Disposition",
	HeaderContentEncoding:        "Content-Encoding",
	HeaderContentID:              "Content-ID",
	HeaderContentLanguage:        "Content-Language",
	HeaderDate:                   "Date",
	HeaderDiversion:              "Diversion",
	HeaderErrorInfo:              "Error-Info",
	HeaderEvent:                  "Event",
	HeaderExpires:                "Expires",
	HeaderFlowTimer:              "Flow-Timer",
	HeaderGeolocation:            "Geolocation",
	HeaderHistoryInfo:            "History-Info",
	HeaderIdentity:               "Identity",
	HeaderInReplyTo:              "In-Reply-To",
	HeaderInfoPackage:            "Info-Package",
	HeaderJoin:                   "Join",
	HeaderMIMEVersion:            "MIME-Version",
	HeaderMinExpires:             "Min-Expires",
	HeaderMinSE:                  "Min-SE",
	HeaderOrganization:           "Organization",
	HeaderPAccessNetworkInfo:     "P-Access-Network-Info",
	HeaderPAssertedIdentity:      "P-Asserted-Identity",
	HeaderPAssociatedURI:         "P-Associated-URI",
	HeaderPCalledPartyID:         "P-Called-Party-ID",
	HeaderPChargingVector:        "P-Charging-Vector",
	HeaderPEarlyMedia:            "P-Early-Media",
	HeaderPPreferredIdentity:     "P-Preferred-Identity",
	HeaderPath:                   "Path",
	HeaderPriority:               "Priority",
	HeaderPrivacy:                "Privacy",
	HeaderProxyAuthenticate:      "Proxy-Authenticate",
	HeaderProxyAuthorization:     "Proxy-Authorization",
	HeaderProxyRequire:           "Proxy-Require",
	HeaderRAck:                   "RAck",
	HeaderRSeq:                   "RSeq",
	HeaderReason:                 "Reason",
	HeaderRecvInfo:               "Recv-Info",
	HeaderReferSub:               "Refer-Sub",
	HeaderReferTo:                "Refer-To",
	HeaderReferredBy:             "Referred-By",
	HeaderRejectContact:          "Reject-Contact",
	HeaderRemotePartyID:          "Remote-Party-ID",
	HeaderReplaces:               "Replaces",
	HeaderReplyTo:                "Reply-To",
	HeaderRequestDisposition:     "Request-Disposition",
	HeaderRequire:                "Require",
	HeaderResourcePriority:       "Resource-Priority",
	HeaderRetryAfter:             "Retry-After",
	HeaderSIPETag:                "SIP-ETag",
	HeaderSIPIfMatch:             "SIP-If-Match",
	HeaderServer:                 "Server",
	HeaderServiceRoute:           "Service-Route",
	HeaderSessionExpires:         "Session-Expires",
	HeaderSessionID:              "Session-ID",
	HeaderSubject:                "Subject",
	HeaderSubscriptionState:      "Subscription-State",
	HeaderSupported:              "Supported",
	HeaderTargetDialog:           "Target-Dialog",
	HeaderTimestamp:              "Timestamp",
	HeaderUnsupported:            "Unsupported",
	HeaderUserAgent:              "User-Agent",
	HeaderUserToUser:             "User-to-User",
	HeaderWWWAuthenticate:        "WWW-Authenticate",
	HeaderWarning:                "Warning",
}

// compactForm returns the header field a one-letter name stands for (RFC 3261 §7.3.3 and the registry that grew
// from it), HeaderOther for none.
func compactForm(c byte) ID {
	switch c | 0x20 {
	case 'a':
		return HeaderAcceptContact
	case 'b':
		return HeaderReferredBy
	case 'c':
		return HeaderContentType
	case 'd':
		return HeaderRequestDisposition
	case 'e':
		return HeaderContentEncoding
	case 'f':
		return HeaderFrom
	case 'i':
		return HeaderCallID
	case 'j':
		return HeaderRejectContact
	case 'k':
		return HeaderSupported
	case 'l':
		return HeaderContentLength
	case 'm':
		return HeaderContact
	case 'o':
		return HeaderEvent
	case 'r':
		return HeaderReferTo
	case 's':
		return HeaderSubject
	case 't':
		return HeaderTo
	case 'u':
		return HeaderAllowEvents
	case 'v':
		return HeaderVia
	case 'x':
		return HeaderSessionExpires
	case 'y':
		return HeaderIdentity
	}
	return HeaderOther
}
