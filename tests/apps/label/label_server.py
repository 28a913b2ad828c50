#!/usr/bin/env python3
"""The labelling page as `crc_train label RUN` serves it, in a real browser, headless: who gets in, two tabs, a kill in the
middle, one process at a time, and --continue. Skipped by name where there is no Chromium.
usage: tests/apps/label/label_server.py BUILD_DIRECTORY"""
import http.client, json, os, pathlib, random, select, shutil, signal, subprocess, sys, tempfile, time
from urllib.parse import urlsplit

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
sys.dont_write_bytecode = True
from write_npy import save, save_bytes

TRAIN = str(pathlib.Path(sys.argv[1]).resolve() / "crc_train")
BROWSER = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
if not BROWSER:
    print("label_server: skipped: there is no Chromium")
    sys.exit(77)
WORK = pathlib.Path(tempfile.mkdtemp())
os.environ.update(CRC_DEVICE="cpu", OMP_NUM_THREADS="1", HOME=str(WORK), OMP_WAIT_POLICY="passive")
NAMES = ["ant", "bee", "cow"]
NET = """model.depth=10 model.width=1 model.base_channels=8 model.first_stride=2 ssl.batch=4 ssl.mu=1 ssl.epochs=1
ssl.steps_per_epoch=2 ssl.patience_epochs=0 acquisition.first=given acquisition.budget=6 acquisition.group_size=3
data.name=arrays""".split()


def check(right, *what):
    if not right:
        raise SystemExit("label_server: WRONG: " + " ".join(map(str, what)))


def until(what, test, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        try:
            if value := test():
                return value
        except Away:
            pass
        time.sleep(0.05)
    check(False, "in vain:", what)


def train(*arguments, code=0):
    done = subprocess.run([TRAIN, *arguments], capture_output=True, text=True)
    check(done.returncode == code, arguments, "ended with", done.returncode, "instead of", code, done.stdout + done.stderr)
    return done.stdout + done.stderr


def waiting_run(name, rounds=1):
    settings = [word for key in [*NET, f"acquisition.rounds={rounds}", f"data.dir={WORK}/data"] for word in ("--set", key)]
    train("run", "cifar10", "--out", str(WORK / name), "--quiet", *settings, code=10)
    return WORK / name


def ledger(run):
    return [json.loads(line) for line in (run / "labels.jsonl").read_text().splitlines()]


def journal(run, k=0):
    file = run / f"rounds/{k:02}/answers.jsonl"
    return file.read_text().splitlines() if file.exists() else []


class Server:
    def __init__(self, run, *options, **environment):
        self.process = subprocess.Popen([TRAIN, "label", str(run), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, **environment})
        self.url = self.process.stdout.readline().strip()
        check(self.url, "no address:", self.process.poll(), "" if self.url else self.process.stderr.read())
        self.port, self.token = urlsplit(self.url).port, self.url.split("token=")[1]

    def ask(self, path, body=None, method=None, **headers):
        """Status and text; None, "" where the server is gone."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            data = None if body is None else json.dumps(body)
            connection.putrequest(method or ("GET" if body is None else "POST"), path, skip_host="Host" in headers)
            for key, value in headers.items():
                connection.putheader(key, value)
            if data is not None:
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data.encode() if data is not None else None)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except (OSError, http.client.HTTPException):
            return None, ""

    def answer(self, item, answer):
        return self.ask(f"/answer?token={self.token}", {"item": item, "answer": answer})

    def end(self, code, seconds=120):
        out, err = self.process.communicate(timeout=seconds)
        check(self.process.returncode == code, "the server ended with", self.process.returncode, "instead of", code, out, err)
        return out + err


class Away(Exception):
    """The tab is loading another page."""


class Browser:
    """Chromium, by its debugging protocol over two pipes: messages end in a byte 0."""

    def __init__(self):
        to_child, self.write = os.pipe()
        self.read, from_child = os.pipe()

        def pipes():  # the child reads 3 and writes 4
            a, b = os.dup(to_child), os.dup(from_child)
            os.dup2(a, 3), os.dup2(b, 4)

        self.process = subprocess.Popen(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={WORK}/profile", "about:blank"], preexec_fn=pipes, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.count, self.rest, self.replies = 0, b"", {}

    def call(self, method, session=None, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while self.count not in self.replies:
            check(select.select([self.read], [], [], 120)[0], "the browser answers no more to", method)
            self.rest += os.read(self.read, 1 << 16)
            *whole, self.rest = self.rest.split(b"\0")
            for text in whole:
                reply = json.loads(text)
                if "id" in reply:
                    self.replies[reply["id"]] = reply
        reply = self.replies.pop(self.count)
        if "error" in reply:
            raise Away(f"{method}: {reply['error']}")
        return reply["result"]

    def tab(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        tab = Tab(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        tab.open(url)
        return tab


class Tab:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def open(self, url):
        self.browser.call("Page.navigate", self.session, url=url)
        until("the page", lambda: self.run("document.readyState") == "complete")

    def run(self, script):
        result = self.browser.call("Runtime.evaluate", self.session, expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Away(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            self.browser.call("Input.dispatchKeyEvent", self.session, type=kind, key=key, **text)

    def status(self):
        return self.run("document.getElementById('status').textContent")

    def note(self):
        return self.run("document.getElementById('note').hidden ? '' : document.getElementById('note').textContent")

    def right(self):
        """Answers the image that is shown, as its item says."""
        self.key(str(1 + TRUTH[self.run("task.items[current].item")]))

    def right_until(self, labelled):
        while self.run("labelled()") < labelled:
            self.right()


random.seed(1)
TRUTH = [item % 3 for item in range(60)]
data = WORK / "data"
data.mkdir()
pixels = lambda n: bytes(min(255, 60 * (i % 3) + random.randrange(60)) for i in range(n) for _ in range(16 * 16 * 3))
save_bytes(data / "train.npy", "|u1", (60, 16, 16, 3), pixels(60))
save(data / "train_labels.npy", "<i8", (60,), "q", [TRUTH[i] if i < 12 else -1 for i in range(60)])
save_bytes(data / "test.npy", "|u1", (9, 16, 16, 3), pixels(9))
save(data / "test_labels.npy", "<i8", (9,), "q", [i % 3 for i in range(9)])
(data / "classes.txt").write_text("\n".join(NAMES) + "\n")


def who_gets_in():
    run = waiting_run("who")
    server = Server(run)
    good, items = f"?token={server.token}", json.loads((run / "manifest.json").read_text())["queries"][-1]["items"]
    own = f"127.0.0.1:{server.port}"
    check(server.ask("/" + good)[0] == 200, "the page")
    page = server.ask("/" + good)[1]
    check(server.token in page and "localStorage" in page, "the page")
    for path in ("/", "/?token=", "/?token=" + "0" * 32, "/?token=" + server.token[:-1], "/?token=" + server.token + "0",
                 "/answers", "/labels.jsonl"):
        check(server.ask(path)[0] == 403, path, server.ask(path))
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1", f"127.0.0.1:{server.port + 1}", f"127.0.0.1.evil.example:{server.port}"):
        check(server.ask("/" + good, Host=host)[0] == 403, host)
    check(server.ask("/" + good, Host=f"localhost:{server.port}")[0] == 200, "localhost")
    check(server.ask("/answer?token=x", {"item": items[0], "answer": {"class": 0}})[0] == 403, "an answer without the token")
    for origin, code in (("http://evil.example", 403), ("null", 403), (f"https://{own}", 403), (f"http://{own}", 200)):
        check(server.ask("/answers" + good, Origin=origin)[0] == code, origin)
    for path in ("/labels.jsonl", "/../labels.jsonl", "/%2e%2e/labels.jsonl", "/..%2flabels.jsonl", "/etc/passwd", "//etc/passwd", "/rounds/00/query.csv"):
        check(server.ask(path + good)[0] in (400, 404), path, server.ask(path + good))
    check(server.ask("/answer" + good)[0] == 404 and server.ask("/" + good, {})[0] == 404, "another method")
    other = next(i for i in range(60) if i not in items)
    for body in ({}, [], {"item": items[0]}, {"item": "1", "answer": None}, {"item": other, "answer": {"class": 0}},
                 {"item": items[0], "answer": {"class": 3}}, {"item": items[0], "answer": {"class": -1}}, {"item": -1, "answer": None},
                 {"item": items[0], "answer": {"remark": "hm"}}, {"item": items[0], "answer": {"remark": ""}}, {"item": items[0], "answer": 7}):
        check(server.ask("/answer" + good, body)[0] == 400, body, server.ask("/answer" + good, body))
    check(journal(run) == [], "nothing of that is recorded")
    for _ in range(3):
        check(server.answer(items[0], {"class": 1})[0] == 200 and server.answer(items[1], {"remark": "none of these"})[0] == 200, "answers")
    check(len(journal(run)) == 2, "an answer that stands is not written again")
    train("label", str(run), code=73)  # one process at a time
    check(server.ask("/" + good, Connection="close")[0] == 200, "still there")
    taken = subprocess.run([TRAIN, "label", str(waiting_run("taken")), "--port", str(server.port)], capture_output=True, text=True)
    check(taken.returncode == 73 and "cannot be taken" in taken.stderr, taken)
    server.process.send_signal(signal.SIGINT)
    check("4 of 6 queried items have no label" in (words := server.end(10)), words)
    check(ledger(run)[-1]["round"] == 0 and (run / "WAITING").exists(), "it still waits")
    train("verify", str(run))


def two_tabs_and_a_kill(browser):
    run = waiting_run("tabs")
    server = Server(run, "--annotator", "ann")
    first, second = browser.tab(server.url), None
    check(first.status() == "0 of 6 labelled, 6 to go", first.status())
    first.right_until(2)
    until("two answers", lambda: len(journal(run)) == 2)
    second = browser.tab(server.url)
    check(second.status() == "2 of 6 labelled, 4 to go", second.status())
    second.right_until(3)
    second.key("/")  # unsure
    until("four answers", lambda: len(journal(run)) == 4)
    first.run("sync()")
    until("the other tab's answers", lambda: first.status() == "3 of 6 labelled, 2 to go")
    first.run("show(0)")
    wrong = 1 + (TRUTH[first.run("task.items[0].item")] + 1) % 3
    first.key(str(wrong)), first.key("Backspace")
    until("an answer and its undoing", lambda: len(journal(run)) == 6)
    second.run("show(0)")
    until("as before", lambda: second.run("sync().then(() => answers[task.items[0].item].class)") == TRUTH[second.run("task.items[0].item")])
    # Nobody there: the page says so, and keeps the answer until the program runs again.
    server.process.kill()
    server.process.communicate()
    first.run("show(task.items.findIndex(i => !answers[i.item]))")
    first.right()
    until("words", lambda: "Not recorded" in first.note() and "1 answers are on this page alone" in first.note())
    check(len(journal(run)) == 6, "no more")
    again = Server(run, "--port", str(server.port), "--annotator", "ann")
    check(again.token != server.token and first.run("fetch(task.sync).then(r => r.status)") == 403, "another token")
    first = browser.tab(again.url)  # the old one would ask before it is left
    check(first.status() == "3 of 6 labelled, 2 to go", "nothing is lost", first.status())
    first.right_until(4)
    first.run("show(task.items.findIndex(i => answers[i.item] && answers[i.item].remark))")
    first.right_until(5)
    first.run("show(task.items.findIndex(i => !answers[i.item]))")
    first.right_until(6)
    until("all", lambda: first.status() == "6 of 6 labelled, done")
    first.run("document.getElementById('finish').click()")
    words = again.end(0)
    check("6 labels recorded, 18 in the ledger" in words, words)
    until("the page says it", lambda: "All recorded" in first.run("document.getElementById('after').textContent"))
    given = [entry for entry in ledger(run) if entry["round"] == 1]
    check(len(given) == 6 and all(e["class"] == TRUTH[e["item"]] and e["who"] == "ann" and e["source"] == "page" and e["when"] for e in given), given)
    items = json.loads((run / "manifest.json").read_text())["queries"][-1]["items"]
    check([e["item"] for e in given] == items, "in the query's order")
    train("resume", str(run), "--quiet")
    train("verify", str(run))


def killed_while_it_writes():
    run = waiting_run("killed")
    items = json.loads((run / "manifest.json").read_text())["queries"][-1]["items"]
    stands, deaths = {}, 0
    for action in ("kill", "torn", "enospc", "eio"):
        for call in (1, 2, 3, 4, 5, 7, 9, 12):
            server = Server(run, CRC_FAULT=f"any:{call}:{action}")
            for item in random.sample(items[1:], 4):  # the first stays open
                answer = random.choice([{"class": random.randrange(3)}, {"remark": "unsure"}, None])
                status, _ = server.answer(item, answer)
                if status == 200:
                    stands[item] = answer
                elif status is None:
                    deaths += 1
                    unknown = item, answer
                    break
            if server.process.poll() is None and status is not None:
                server.process.kill()
            server.process.communicate()
            reader = Server(run)
            found = {int(i): a for i, a in json.loads(reader.ask(f"/answers?token={reader.token}")[1])["answers"].items()}
            if status is None:  # on disk or not: it was not said to be
                stands[unknown[0]] = found.get(unknown[0])
            expected = {i: a for i, a in stands.items() if a}
            check(found == expected, action, call, found, expected)
            reader.process.send_signal(signal.SIGTERM)
            reader.end(10)
    check(deaths > 4, "too few deaths:", deaths)
    train("verify", str(run))


def goes_on(browser):
    run = waiting_run("on", rounds=2)
    server = Server(run, "--continue")
    tab = browser.tab(server.url)
    for k in range(2):
        until("a page", lambda: tab.run("typeof task === 'object' && task.key.includes('rounds/%02d') && labelled() === 0" % k), 120)
        tab.right_until(6)
        until("all", lambda: len(journal(run, k)) == 6)
        tab.run("document.getElementById('finish').click()")
        until("words", lambda: "the run trains now" in tab.run("document.getElementById('after').textContent").lower() or
              tab.run("task.key.includes('rounds/%02d')" % (k + 1)))
    server.end(0, 300)
    check((run / "DONE").exists(), "the run is done")
    check(all(e["class"] == TRUTH[e["item"]] for e in ledger(run)) and len(ledger(run)) == 24, ledger(run))
    train("verify", str(run))


try:
    who_gets_in()
    killed_while_it_writes()
    browser = Browser()
    try:
        two_tabs_and_a_kill(browser)
        goes_on(browser)
    finally:
        browser.process.terminate()
        browser.process.wait()
    print("label_server: fine")
finally:
    shutil.rmtree(WORK, ignore_errors=True)
