// A worker for Assent in Node (18 or newer): it fetches jobs of one topic and reports each.

const url = process.env.ASSENT_URL + "/api/v1/jobs";
const token = process.env.ASSENT_TOKEN; // Of an integrator, with the scope work and the topic below.
const topic = { name: "media.scan", lock_seconds: 60, variables: ["file"] };

// Do the work. The same job may come twice, with the same id: do it so that this is harmless.
function scan(job) {
  if (job.variables.file.endsWith(".exe")) {
    return ["error", { code: "VIRUS", message: "Programs are not let in." }];
  }
  return ["complete", { variables: { verdict: "clean" } }];
}

const sleep = (seconds) => new Promise((wake) => setTimeout(wake, seconds * 1000));

async function post(path, body) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  const wait = answer.headers.get("Retry-After"); // Too many workers wait already.
  if (wait) await sleep(Number(wait));
  return answer.json();
}

for (;;) {
  try {
    const { items } = await post("/fetch", { worker: "node-1", topics: [topic], wait_seconds: 30 });
    for (const job of items) {
      let what, report;
      try {
        [what, report] = scan(job);
      } catch (error) {
        [what, report] = ["fail", { error: String(error).slice(0, 500) }];
      }
      await post(`/${job.id}/${what}`, { lock_token: job.lock_token, ...report });
    }
  } catch (error) { // Not reachable, or refused: say why. A lost report is done again.
    console.error(error.message);
    await sleep(1);
  }
}
