// A client of node's own HTTP/2: opens streams, and tells as JSON what becomes of them.
//
//     node h2_client.js PORT STREAMS
const http2 = require("http2");

const [port, streams] = process.argv.slice(2).map(Number);
const tell = (...event) => console.log(JSON.stringify(event));
const session = http2.connect(`https://localhost:${port}`, { rejectUnauthorized: false });

function ask(path) {
  const stream = session.request({ ":path": path });
  let body = "";
  stream.on("response", () => tell("answered", stream.id));
  stream.on("data", (chunk) => (body += chunk));
  stream.on("end", () => tell("ended", stream.id, body));
  stream.on("error", (error) => tell("failed", stream.id || 0, error.message));
}

session.on("error", (error) => tell("session failed", error.code));
session.on("goaway", (code, last) => {
  tell("goaway", code, last);
  try {
    ask("/fast");
  } catch (error) {
    tell("refused", error.code);
  }
});
session.on("close", () => tell("closed"));
for (let i = 0; i < streams; i++) ask("/slow");
