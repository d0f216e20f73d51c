// A browser's SIP stack calling through the border: SIP.js over the WebSocket of npm's ws. Session descriptions are the test's, plain RTP at an
// address of the test, because the border has no part in WebRTC here. The test reads what happens as JSON lines and says how each call ends.
//
//   node phone.mjs MODULES SERVER ORIGIN TARGET MEDIA
//
// MODULES is the folder whose node_modules are used, SERVER the URL of the WebSocket, MEDIA the address and port of the audio. Each line of the
// input is a command: call, hold, bye, stop.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modules, server, origin, target, media] = process.argv.slice(2);
const from = createRequire(modules + "/");
const WebSocket = from("ws");
const { Inviter, SessionState, UserAgent } = await import(pathToFileURL(from.resolve("sip.js")).href);

const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));

// A browser sends the Origin of its page by itself.
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { origin });
  }
};

const [address, port] = media.split(/:(?=\d+$)/);
let version = 0;
const describe = (direction) =>
  ["v=0", `o=- 1 ${++version} IN IP4 ${address}`, "s=-", `c=IN IP4 ${address}`, "t=0 0", `m=audio ${port} RTP/AVP 0`, "a=rtpmap:0 PCMU/8000", `a=${direction}`, ""].join("\r\n");

const sessionDescriptionHandlerFactory = () => ({
  close() {},
  async getDescription(options) {
    return { body: describe(options?.direction ?? "sendrecv"), contentType: "application/sdp" };
  },
  hasDescription: (contentType) => contentType === "application/sdp",
  async setDescription(sdp) {
    say("description", { sdp });
  },
  sendDtmf: () => false,
});

const agent = new UserAgent({
  uri: UserAgent.makeURI("sip:browser@browser.invalid"),
  transportOptions: { server },
  sessionDescriptionHandlerFactory,
  logBuiltinEnabled: false,
});

let session;
const commands = {
  call() {
    session = new Inviter(agent, UserAgent.makeURI(target));
    session.stateChange.addListener((state) => say(state === SessionState.Terminated ? "terminated" : state.toLowerCase()));
    return session.invite({ requestDelegate: { onProgress: (r) => say("progress", { code: r.message.statusCode }), onReject: (r) => say("rejected", { code: r.message.statusCode }) } });
  },
  hold: () =>
    session.invite({
      sessionDescriptionHandlerOptions: { direction: "sendonly" },
      requestDelegate: { onAccept: () => say("held"), onReject: (r) => say("rejected", { code: r.message.statusCode }) },
    }),
  bye: () => session.bye(),
  async stop() {
    await agent.stop();
    process.exit(0);
  },
};

try {
  await agent.start();
  say("connected");
} catch (error) {
  say("failed", { reason: String(error) });
  process.exit(1);
}
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await commands[line.trim()]();
  } catch (error) {
    say("failed", { reason: String(error) });
  }
}
