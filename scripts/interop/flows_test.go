//go:build interop

package interop

// What callers and callees do, in pairs.

// aBit is a pause within a call, in milliseconds.
const aBit = 100

func callerAnswered() string {
	return scenario("caller", callerInvite(""), maybe(100), maybe(180), maybe(183), recvAnswer("sendrecv"), callerAck(1),
		pause(aBit), callerBye(2), recvCode(200))
}

func calleeAnswers() string {
	return scenario("callee", calleeInvite(), calleeReply(180, "Ringing", newTag, "", ""), pause(aBit),
		calleeReply(200, "OK", newTag, "Allow: INVITE, ACK, BYE, CANCEL\n", sdpOf("carrier", "0 101", "sendrecv")),
		recvRequest("ACK"), recvRequest("BYE"), calleeReply(200, "OK", "", "", ""))
}

// callerHolds re-INVITEs with one direction and wants the other one back, then resumes.
func callerHolds(offer, answer string) string {
	return scenario("caller holds", callerInvite(""), maybe(100), maybe(180), recvAnswer("sendrecv"), callerAck(1), pause(aBit),
		callerReInvite(2, offer), maybe(100), recvAnswer(answer), callerAck(2), pause(aBit),
		callerReInvite(3, "sendrecv"), maybe(100), recvAnswer("sendrecv"), callerAck(3), pause(aBit),
		callerBye(4), recvCode(200))
}

func calleeIsHeld(offer, answer string) string {
	return scenario("callee is held", calleeInvite(), calleeReply(180, "Ringing", newTag, "", ""),
		calleeReply(200, "OK", newTag, "", sdpOf("carrier", "0 101", "sendrecv")), recvRequest("ACK"),
		recvInvite(offer), calleeReply(200, "OK", "", "", sdpOf("carrier", "0 101", answer)), recvRequest("ACK"),
		recvInvite("sendrecv"), calleeReply(200, "OK", "", "", sdpOf("carrier", "0 101", "sendrecv")), recvRequest("ACK"),
		recvRequest("BYE"), calleeReply(200, "OK", "", "", ""))
}

func callerIsHeld() string {
	return scenario("caller is held", callerInvite(""), maybe(100), maybe(180), recvCode(200), callerAck(1),
		recvInvite("inactive"), calleeReply(200, "OK", "", "", sdpOf("pbx", "0 101", "inactive")), recvRequest("ACK"),
		recvRequest("BYE"), calleeReply(200, "OK", "", "", ""))
}

func calleeHolds() string {
	return scenario("callee holds", calleeInvite(), calleeReply(180, "Ringing", newTag, "", ""),
		calleeReply(200, "OK", newTag, "", sdpOf("carrier", "0 101", "sendrecv")), recvRequest("ACK"), pause(aBit),
		calleeRequest("INVITE", 1, sdpOf("carrier", "0 101", "inactive")), maybe(100), step{xml: `<recv response="200"></recv>`},
		calleeRequest("ACK", 1, ""), pause(aBit),
		calleeRequest("BYE", 2, ""), step{xml: `<recv response="200"></recv>`})
}

func callerIsEnded() string {
	return scenario("caller is ended", callerInvite(""), maybe(100), maybe(180), recvCode(200), callerAck(1),
		recvRequest("BYE"), calleeReply(200, "OK", "", "", ""))
}

func calleeEnds() string {
	return scenario("callee ends", calleeInvite(), calleeReply(180, "Ringing", newTag, "", ""),
		calleeReply(200, "OK", newTag, "", sdpOf("carrier", "0 101", "sendrecv")), recvRequest("ACK"), pause(aBit),
		calleeRequest("BYE", 1, ""), step{xml: `<recv response="200"></recv>`})
}

func callerCancels() string {
	return scenario("caller cancels", callerInvite(""), maybe(100), recvCode(180), pause(aBit), callerCancel(), recvCode(200), recvCode(487), callerAckRefusal())
}

func calleeIsCancelled() string {
	return scenario("callee is cancelled", calleeInvite(), calleeReply(180, "Ringing", newTag, "", ""), recvRequest("CANCEL"),
		calleeReplyCancel(), calleeReply487(), recvRequest("ACK"))
}

func callerIsRefused(code int) string {
	return scenario("caller is refused", callerInvite(""), maybe(100), maybe(180), recvCode(code), callerAckRefusal())
}

func calleeRefuses(code int, reason, headers string) string {
	return scenario("callee refuses", calleeInvite(), calleeReply(code, reason, newTag, headers, ""), recvRequest("ACK"))
}
