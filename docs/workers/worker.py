"""A worker for Assent in plain Python: it fetches jobs of one topic and reports each."""

import json
import os
import sys
import time
import urllib.request

URL = os.environ["ASSENT_URL"] + "/api/v1/jobs"
TOKEN = os.environ["ASSENT_TOKEN"]  # Of an integrator, with the scope work and the topic below.
TOPIC = {"name": "media.scan", "lock_seconds": 60, "variables": ["file"]}


def scan(job):
    """Do the work. The same job may come twice, with the same id: do it so that this is harmless."""
    if job["variables"]["file"].endswith(".exe"):
        return "error", {"code": "VIRUS", "message": "Programs are not let in."}
    return "complete", {"variables": {"verdict": "clean"}}


def post(path, body):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        if "Retry-After" in answer.headers:  # Too many workers wait already.
            time.sleep(int(answer.headers["Retry-After"]))
        return json.load(answer)


while True:
    try:
        found = post("/fetch", {"worker": "python-1", "topics": [TOPIC], "wait_seconds": 30})
        for job in found["items"]:
            try:
                what, report = scan(job)
            except Exception as error:
                what, report = "fail", {"error": str(error)[:500] or type(error).__name__}
            post(f"/{job['id']}/{what}", {"lock_token": job["lock_token"], **report})
    except OSError as error:  # Not reachable, or refused: say why. A lost report is done again.
        print(error.read().decode() if hasattr(error, "read") else error, file=sys.stderr, flush=True)
        time.sleep(1)
