"""crc_active.Run: the same directory and bits as crc_train, arrays and folders, answers, predictions, wrong inputs."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy as np

import crc_active
from crc_active import Run

from runs import CLASSES, ODD, SMALL, RunTest, all_known, crc_train, data, pictures, results, rows, spoken


class Both(RunTest):
    """A run begun by one program goes on in the other, with the same bits."""

    def whole(self, name="whole", **settings):
        run = Run.create(self.folder / name, SMALL, all_known(), settings=settings)
        self.assertEqual(run.train(), "done")
        return results(run.directory)

    def test_as_the_command_line(self):
        expected = self.whole()
        self.assertIn("rounds/01/weights.safetensors", expected)
        settings = [f"--set={section}.{key}={str(value).lower() if isinstance(value, bool) else value}"
                    for section, keys in SMALL.items() for key, value in keys.items()]
        crc_train("run", "--out", self.folder / "line", "--quiet", *settings, "--set=data.name=arrays",
                  f"--set=data.dir={self.folder / 'whole/data'}")
        self.assertEqual(results(self.folder / "line"), expected)
        crc_train("verify", self.folder / "whole")

    def test_begun_here_goes_on_there(self):
        expected = self.whole()
        Run.create(self.folder / "a", SMALL, all_known())
        crc_train("resume", self.folder / "a", "--quiet")
        self.assertEqual(results(self.folder / "a"), expected)
        stopped = self.stop(Run.create(self.folder / "b", SMALL, all_known()), after=7)
        crc_train("resume", stopped.directory, "--quiet")
        self.assertEqual(results(stopped.directory), expected)

    def test_begun_there_goes_on_here(self):
        run = Run.create(self.folder / "here", SMALL, data())
        self.assertEqual(run.train(), "waiting")
        truth = pictures()[1]
        run.label({int(i): int(truth[i]) for i in run.query().items})
        self.assertEqual(run.train(), "done")

        Run.create(self.folder / "there", SMALL, data())
        crc_train("resume", self.folder / "there", "--quiet", code=10)
        there = Run(self.folder / "there")
        self.assertEqual(there.status, "waiting")
        np.testing.assert_array_equal(there.query().items, run.query().items)
        there.label({int(i): CLASSES[truth[i]] for i in there.query().items})
        crc_train("resume", self.folder / "there", "--quiet")
        self.assertEqual(results(there.directory), results(run.directory))
        self.assertEqual(there.train(), "done")

    def test_answers_of_the_command_line(self):
        run = Run.create(self.folder / "a", SMALL, data())
        run.train()
        truth = pictures()[1]
        (self.folder / "labels.csv").write_text(
            "item,class\n" + "".join(f"{i},{CLASSES[truth[i]]}\n" for i in run.query().items))
        crc_train("label", run.directory, self.folder / "labels.csv")
        self.assertEqual((run.status, run.resume(), run.status), ("ready", "done", "done"))

    def stop(self, run, after):
        class Enough(Exception):
            pass

        def progress(what, done, total):
            self.assertLessEqual(done, total)
            if done >= after:
                raise Enough

        with self.assertRaises(Enough):
            run.train(progress)
        self.assertEqual(run.status, "ready")
        return run

    def test_a_callback_that_raises_loses_nothing(self):
        expected = self.whole()
        run = Run.create(self.folder / "a", SMALL, all_known())
        for after in (3, 12, 25, 33):
            self.stop(run, after)
        self.assertEqual(run.train(), "done")
        self.assertEqual(results(run.directory), expected)

    def test_interrupt(self):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may have begun with it ignored
        longer = {**SMALL, "ssl": {**SMALL["ssl"], "steps_per_epoch": 2000}}
        whole = Run.create(self.folder / "whole", longer, all_known())
        whole.train()
        run, interrupts = Run.create(self.folder / "a", longer, all_known()), 0
        while run.status != "done":
            timer = threading.Timer(0.3 * (1 + interrupts), os.kill, (os.getpid(), signal.SIGINT))
            try:
                try:
                    timer.start()
                    run.train()
                finally:
                    timer.cancel()
                    timer.join()
            except KeyboardInterrupt:
                interrupts += 1
                self.assertIn(run.status, ("ready", "done"))
            self.assertLess(interrupts, 30)
        self.assertGreater(interrupts, 0)
        self.assertEqual(results(run.directory), results(whole.directory))

    def test_two_threads_at_once(self):
        expected = self.whole()
        runs = [Run.create(self.folder / name, SMALL, all_known()) for name in "ab"]
        seen, beat = [], [0]
        threads = [threading.Thread(target=lambda run=run: seen.append(run.train())) for run in runs]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            beat[0] += 1
            time.sleep(0.005)
        self.assertEqual(seen, ["done", "done"])
        self.assertGreater(beat[0], 5)  # this thread ran meanwhile
        for run in runs:
            self.assertEqual(results(run.directory), expected)

    def test_one_directory_twice(self):
        run = Run.create(self.folder / "a", SMALL, all_known())
        second = []

        def progress(*_):
            if not second:
                try:
                    Run(run.directory).train()
                except Exception as error:
                    second.append(error)

        self.assertEqual(run.train(progress), "done")
        self.assertEqual(second[0].exit_code, 73)
        self.assertIsInstance(second[0], FileExistsError)


class Shapes(RunTest):
    def test_what_a_run_says(self):
        run = Run.create(self.folder / "a", SMALL, all_known())
        self.assertEqual(repr(run), f"Run({str(run.directory)!r}: ready)")
        self.assertEqual(run.class_names, CLASSES)
        self.assertEqual((len(run.labels), len(run.history), len(run.metrics)), (0, 0, 0))
        run.train()
        self.assertEqual(run.labels.shape[1], 3)
        history = run.history if isinstance(run.history, list) else run.history.to_dict("records")
        self.assertEqual([row["round"] for row in history], [0, 1])
        self.assertGreaterEqual(history[0]["acc_last"], 0)
        self.assertEqual(len(run.metrics), 4)
        self.assertIn("steps_per_epoch = 10", run.config)

    def test_query_and_predictions(self):
        run = Run.create(self.folder / "a", SMALL, data())
        run.train()
        images = pictures()[0]
        query = run.query()
        self.assertEqual((len(query), query.round, query.files, query.features), (6, 1, [], None))
        np.testing.assert_array_equal(query.images, images[query.items])
        self.assertIn("data:image/png;base64,", query._repr_html_())
        p = run.predict(images[:20])
        self.assertEqual((p.logits.shape, p.features.shape, p.class_names), ((20, 3), (20, 16), CLASSES))
        np.testing.assert_allclose(p.probabilities.sum(axis=1), 1)
        np.testing.assert_array_equal(p.labels, p.logits.argmax(axis=1))
        crc_train("eval", "--run", run.directory, "--split", "train", "--logits", self.folder / "l.npy", "--json")
        np.testing.assert_array_equal(run.predict(images).logits, np.load(self.folder / "l.npy"))
        np.testing.assert_array_equal(run.predict(images[..., 0]).logits,
                                      run.predict(np.repeat(images[..., :1], 3, axis=3)).logits)
        self.assertEqual(run.predict(images, round=0, best=True).logits.shape, (60, 3))

    def test_a_short_repr(self):
        run = Run.create(self.folder / "a", SMALL, data())
        run.train()
        query = run.query()
        self.assertRegex(repr(query), r"^Query\(round 1: 6 items \[\d+(, \d+){5}\], images \[6, 8, 8, 3\], folder '.*'\)$")
        self.assertRegex(repr(run.predict(pictures()[0])),
                         r"^Prediction\(60 items, labels \[.*, \.\.\.\], 3 classes, features \[60, 16\]\)$")

    def test_embeddings(self):
        x, y = rows()
        names = np.array(["ant", "bee", "cow"])[y].astype(object)
        names[20:] = None
        config = {"model.name": "linear", "ssl.method": "supervised", "ssl.epochs": 1, "ssl.steps_per_epoch": 20,
                  "ssl.batch": 10, "ssl.tested": "student", "acquisition": {"first": "given", "name": "crc", "budget": 4, "group_size": 2,
                                                   "rounds": 1}, "run.device": "cpu"}
        run = Run.create(self.folder / "a", config, (x, names))
        self.assertEqual(run.train(), "waiting")
        self.assertEqual(run.class_names, ["ant", "bee", "cow"])
        query = run.query()
        self.assertEqual((query.images, query.features.shape), (None, (4, 6)))
        run.label({int(i): ["ant", "bee", "cow"][y[i]] for i in query.items})
        self.assertEqual(run.train(), "done")
        crc_train("eval", "--run", run.directory, "--split", "train", "--logits", self.folder / "l.npy", "--json")
        np.testing.assert_array_equal(run.predict(x).logits, np.load(self.folder / "l.npy"))
        self.assertGreater((run.predict(x).labels == y).mean(), 0.8)
        self.refuse(ValueError, "the run is of embeddings with 6 features", lambda: run.predict(pictures()[0]), 64)
        self.refuse(ValueError, "the rows have 5 features, and those of the run 6", lambda: run.predict(x[:, :5]), 64)
        x[3, 2] = np.nan
        self.refuse(ValueError, "feature 2 of row 3 is nan", lambda: run.predict(x), 64)

    def test_folders(self):
        run = Run.create(self.folder / "a", SMALL, all_known())
        again = Run.create(self.folder / "b", SMALL, self.folder / "a/data")
        run.train(), again.train()
        self.assertEqual(results(again.directory), results(run.directory))
        shutil.move(run.directory, self.folder / "moved")  # its arrays with it
        self.assertEqual(Run(self.folder / "moved").query().images.shape, (6, 8, 8, 3))

    def test_moved_with_its_data(self):
        expected = Run.create(self.folder / "whole", SMALL, all_known())
        expected.train()
        Run.create(self.folder / "a", SMALL, all_known())
        shutil.move(self.folder / "a", self.folder / "moved")
        crc_train("resume", self.folder / "moved", "--quiet")  # its arrays are found where they are now
        self.assertEqual(results(self.folder / "moved"), results(expected.directory))

    def test_hints_repeat_what_was_said(self):
        run = Run.create(self.folder / "a", SMALL, data())
        (self.folder / "else where").mkdir()
        shutil.move(run.directory / "data", self.folder / "else where/data")
        there = f"data.dir={self.folder}/else where/data"
        said = f"crc_train resume {run.directory} --set '{there}'"
        self.refuse(FileNotFoundError, "where this run's data lay, is no folder", run.train, 66)
        code, words = spoken("resume", run.directory, "--set", there, "--set", "run.threads=1")
        self.assertEqual(code, 10)
        self.assertIn(f"labels.csv --set '{there}' --set run.threads=1 && {said} --set run.threads=1", words)
        moved = Run(run.directory, {"data.dir": self.folder / "else where/data"})
        labels = self.folder / "labels.csv"
        labels.write_text("item,class\n" + "".join(f"{i},apple\n" for i in moved.query().items))
        self.assertIn(f"go on with: {said}\n", spoken("label", run.directory, labels, "--set", there)[1])
        self.refuse(ValueError, f"go on with: {said}", lambda: moved.label({0: 0}), 64)

    def test_settings_and_configurations(self):
        toml = self.folder / "own.toml"
        toml.write_text('schema = 2\n[ssl]\nepochs = 1\nsteps_per_epoch = 3\n[run]\ndevice = "cpu"\n')
        run = Run.create(self.folder / "a", toml, all_known(), settings={**SMALL, "ssl.epochs": np.int64(1)})
        self.assertIn("epochs = 1", run.config)
        run = Run.create(self.folder / "b", "kekmodel", all_known(),
                         settings={"run.device": "cpu", "acquisition": SMALL["acquisition"]})
        self.assertIn("# preset kekmodel:", run.config)
        run = Run.create(self.folder / "c", "demo", settings={"data.train_size": 200, "data.test_size": 50})
        self.assertEqual(len(run.class_names), 10)

    def test_nothing_is_printed(self):
        program = ("import sys; sys.path.insert(0, sys.argv[1])\n"
                   "from runs import *; from crc_active import Run\n"
                   "run = Run.create(sys.argv[2], SMALL, data()); run.train(); run.query(); run.history\n"
                   "run.label({int(i): 0 for i in run.query().items} | {0: 1})\n"
                   "run.train(); run.predict(pictures()[0])\n")
        done = subprocess.run([sys.executable, "-c", program, pathlib.Path(__file__).parent, self.folder / "a"],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertIn("round 0", (self.folder / "a/log.txt").read_text())

    def test_messages_and_bar(self):
        run = Run.create(self.folder / "a", SMALL, all_known())
        with self.assertLogs("crc_active.run", "INFO") as logs:
            run.train()
        self.assertTrue(any("round 0: training from scratch" in line for line in logs.output))
        try:
            import tqdm  # noqa: F401
        except ImportError:
            self.skipTest("no tqdm")
        run = Run.create(self.folder / "b", SMALL, all_known())
        self.assertEqual(run.train(progress=True), "done")


class Odd(RunTest):
    """Whatever is given where, the answer is an Error with words and a code, or it works."""

    def attempt(self, what, call):
        try:
            call()
        except crc_active.Error as error:
            self.assertTrue(12 < len(str(error)) < 900 and error.exit_code != 70, (what, error))
            self.assertNotIn(f"{self.folder}/.", str(error), what)
        except Exception as error:
            self.fail(f"{what}: {type(error).__name__}: {error}")

    def test_create(self):
        count, folder = iter(range(10**6)), lambda: self.folder / f"r{next(count)}"
        for v in ODD:
            if not isinstance(v, str):  # which would be a folder, here
                self.attempt(("directory", v), lambda: Run.create(v, SMALL, all_known()))
            self.attempt(("Run", v), lambda: Run(v))
            self.attempt(("config", v), lambda: Run.create(folder(), v, all_known()))
            self.attempt(("data", v), lambda: Run.create(folder(), SMALL, v))
            self.attempt(("settings", v), lambda: Run.create(folder(), SMALL, all_known(), settings=v))
            for key in ("images", "labels", "test_images", "test_labels", "class_names"):
                self.attempt((key, v), lambda: Run.create(folder(), SMALL, all_known(**{key: v})))
            self.attempt(("features", v), lambda: Run.create(folder(), SMALL, {"features": v, "labels": [1, 2]}))
            for key in ("ssl.mu", "acquisition.name", "data.dir", "run.device", "run.seed"):
                self.attempt((key, v), lambda: Run.create(folder(), {**SMALL, key: v}, all_known()))

    def test_calls(self):
        run = Run.create(self.folder / "a", SMALL, data())
        run.train()
        items = [int(i) for i in run.query().items]
        file = self.folder / "w.safetensors"
        for v in ODD:
            if not callable(v):
                self.attempt(("train", v), lambda: run.train(v))
            self.attempt(("query", v), lambda: run.query(v))
            self.attempt(("label", v), lambda: run.label(v))
            if v.__hash__:
                self.attempt(("item", v), lambda: run.label({v: 0}))
            if not isinstance(v, int) or isinstance(v, bool) or v != 0:
                self.attempt(("class", v), lambda: run.label({i: v for i in items}))
            self.attempt(("source", v), lambda: run.label({0: 0}, source=v))
            self.attempt(("predict", v), lambda: run.predict(v))
            self.attempt(("round", v), lambda: run.predict(pictures()[0][:2], round=v))
            self.attempt(("best", v), lambda: run.predict(pictures()[0][:2], best=v))
            self.attempt(("load", v), lambda: crc_active.weights.load(v))
            self.attempt(("weights", v), lambda: crc_active.weights.save(file, v, overwrite=True))
            self.attempt(("tensor", v), lambda: crc_active.weights.save(file, {"a": v}, overwrite=True))
            self.attempt(("metadata", v), lambda: crc_active.weights.save(file, {"a": np.ones(2)}, v, overwrite=True))
            self.attempt(("name", v), lambda: crc_active.register_acquisition(v, lambda p: 0))
            self.attempt(("function", v), lambda: crc_active.register_acquisition("odd", v))
            crc_active.register_acquisition("odd", lambda p, v=v: v)
            self.attempt(("answer", v), lambda: crc_active.select(rows()[0], [1], 3, acquisition="odd"))
        self.assertEqual(run.status, "waiting")


class Wrong(RunTest):
    def create(self, config=None, given=None, **settings):
        given = all_known() if given is None else given
        return lambda: Run.create(self.folder / "a", {**SMALL, **(config or {})}, given, settings=settings)

    def test_configurations(self):
        self.refuse(ValueError, ["ssl.epochz", "ssl.epochs"], self.create({"ssl.epochz": 1}), 78)
        self.refuse(ValueError, "ssl.epochs", self.create({"ssl.epochs": -1}), 78)
        self.refuse(ValueError, "ssl.method", self.create({"ssl.method": "magic"}), 78)
        self.refuse(TypeError, "ssl.epochs = [1]", self.create({"ssl.epochs": [1]}))
        self.refuse(FileNotFoundError, "neither a file nor a built-in recipe",
                    lambda: Run.create(self.folder / "a", "nowhere.toml"), 66)
        self.refuse(ValueError, "acquisition \"nothing\" is not known", self.create({"acquisition.name": "nothing"}), 78)
        self.refuse(ValueError, "budget", self.create({"acquisition.budget": 1000}), 78)
        self.assertEqual(list(self.folder.iterdir()), [])  # and no directory is left

    def test_calls(self):
        create = lambda **changed: Run.create(**{"directory": self.folder / "a", "config": SMALL, "data": all_known(),
                                                 **changed})
        for words, call in [
                ("directory is 3; it is a path", lambda: Run(3)),
                ("directory is None; it is a path", lambda: Run(None)),
                ("directory is [1]; it is a path", lambda: create(directory=[1])),
                ("config is 7; it is a path", lambda: create(config=7)),
                ("settings have the key 1; keys are str", lambda: create(config={1: 2})),
                ("settings have the key ssl.1; keys are str", lambda: create(config={"ssl": {1: 2}})),
                ("settings are ['a=b']; give a dict", lambda: create(settings=["a=b"])),
                ("settings are ['a=b']; give a dict", lambda: Run(self.folder, ["a=b"])),
                ("ssl.mu = {1, 2}: a setting is", lambda: create(settings={"ssl.mu": {1, 2}})),
                ("ssl.mu = an array [1000] int64: a setting is", lambda: create(settings={"ssl.mu": np.arange(1000)})),
                ("class_names is 'abc'; it is a list", lambda: create(data=all_known(class_names="abc"))),
                ("class_names is 3; it is a list", lambda: create(data=all_known(class_names=3))),
        ]:
            self.refuse(TypeError, words, call, 64)
        for words, call, code in [
                ("directory is '', which names nothing", lambda: create(directory=""), 64),
                ("ssl.mu", lambda: create(settings={"ssl.mu": 2**70}), 78),
                ("data has 1; it may have images", lambda: create(data={1: 2}), 65),
                ("is no array", lambda: create(data=[[1], [2, 3]]), 65),
                ("is no array", lambda: create(data=all_known(labels=[1, [2]])), 65),
                ("labels: item 0 has inf, which is no class", lambda: create(data=all_known(labels=[np.inf] * 60)), 65),
                ("labels: item 0 has", lambda: create(data=all_known(labels=[2**63] * 60)), 65),
                ("data is int64 []; expected images", lambda: create(data=5), 65),
                ("channels come last, x.transpose", lambda: create(data=pictures()[0].transpose(0, 3, 1, 2)), 65),
                ("of pixels in 0..1 images are", lambda: create(data=pictures()[0] / 255), 65),
        ]:
            self.refuse(ValueError, words, call, code)
        self.assertEqual(list(self.folder.iterdir()), [])
        run = create(data=data())
        run.train()
        items = run.query().items
        for words, call in [
                ("labels are [1, 2]; give a dict", lambda: run.label([1, 2])),
                ("labels are an array [6] int64; give a dict", lambda: run.label(items)),
                ("labels are None; give a dict", lambda: run.label(None)),
                ("source is 3; it is a str", lambda: run.label({int(i): 0 for i in items}, source=3)),
                ("best: 'yes' is neither True nor False", lambda: run.predict(pictures()[0], best="yes")),
        ]:
            self.refuse(TypeError, words, call, 64)
        for words, call, code in [
                ("an item: 'x' is no whole number", lambda: run.label({"x": 0}), 64),
                ("an item: 1.5 is no whole number", lambda: run.label({1.5: 0}), 64),
                ("is beyond the numbers of 64 bits", lambda: run.label({2**70: 0}), 64),
                ("is beyond the numbers of 64 bits", lambda: run.label({1: 2**70}), 64),
                ("item 1 has a class without a name", lambda: run.label({1: ""}), 65),
                ("number: 'x' is no whole number", lambda: run.query("x"), 64),
                ("is beyond the numbers of 64 bits", lambda: run.query(2**70), 64),
                ("round: 'x' is no whole number", lambda: run.predict(pictures()[0], round="x"), 64),
                ("images is [[1], [2, 3]], which is no array", lambda: run.predict([[1], [2, 3]]), 65),
                ("channels come last, x.transpose(0, 2, 3, 1)", lambda: run.predict(pictures()[0].transpose(0, 3, 1, 2)), 64),
                ("of pixels in 0..1 images are (255 * x)", lambda: run.predict(pictures()[0] / 255), 64),
                ("x.astype(numpy.uint8), of pixels in 0..255", lambda: run.predict(pictures()[0].astype(int)), 64),
                ("images are [8, 8, 3], which is one image in colour; give a batch of one: image[None]",
                 lambda: run.predict(pictures()[0][0]), 64),
                ("one item is a batch of one, x[None]", lambda: run.predict(pictures()[0][0, ..., 0]), 64),
                ("one item is a batch of one, x[None]", lambda: run.predict(rows()[0][0]), 64),
                ("is neither True nor a function", lambda: run.train(3), 64),
        ]:
            self.refuse(ValueError, words, call, code)
        for words, call in [("number: there is no -2", lambda: run.query(-2)),
                            ("round: there is no -2", lambda: run.predict(pictures()[0], round=-2))]:
            self.refuse(FileNotFoundError, words, call, 66)
        self.refuse(ValueError, "did you mean run.device?", lambda: Run(run.directory, {"run.devise": "cpu"}), 78)
        self.assertEqual((run.status, len(run.labels)), ("waiting", 12))

    def test_no_error_names_a_hidden_folder(self):
        images, labels = pictures()
        for given, words in [
                ({"images": images, "labels": labels - 5}, "labels: the label of image"),
                ({"images": images, "labels": labels, "class_names": ["b", "c"]}, "class_names names 2 classes"),
                ({"images": images, "labels": labels, "test_images": images[:, :4]}, "test_images holds images of 4x8"),
                ({"features": np.full((60, 4), np.nan), "labels": labels}, "features"),
        ]:
            with self.assertRaises(ValueError) as caught:
                self.create(given=given)()
            self.assertIn(words, str(caught.exception))
            self.assertNotIn("/.a.", str(caught.exception))

    def test_a_wrong_data_folder(self):
        folder = self.folder / "stuff"
        (folder / "more").mkdir(parents=True)
        (folder / "notes.txt").write_text("")
        words = [f"{folder} holds more/, notes.txt, which is no data set", "train.npy", "labels.csv or train/<class>/",
                 "set data.name"]
        self.refuse(FileNotFoundError, words, lambda: Run.create(self.folder / "a", SMALL, folder), 66)
        self.refuse(FileNotFoundError, f"{self.folder}/nowhere is not a folder",
                    lambda: Run.create(self.folder / "a", SMALL, self.folder / "nowhere"), 66)
        self.refuse(FileNotFoundError, "stl10: ", lambda: Run.create(self.folder / "a", {**SMALL, "data.name": "stl10"}, folder), 66)
        (folder / "train.npy").write_bytes(b"no array")
        self.refuse(ValueError, "train.npy", lambda: Run.create(self.folder / "a", SMALL, folder), 65)
        (folder / "train.npy").unlink()
        self.assertIn(words[0], spoken("data", "info", "--set", f"data.dir={folder}")[1])

    def test_images_beyond_the_limit(self):
        large = np.zeros((60, 513, 512, 3), np.uint8)
        words = "images of 513x512 are too large: training augments images of at most 262144 pixels"
        self.refuse(ValueError, words, self.create(given={"images": large, "labels": pictures()[1]}), 78)
        (self.folder / "large").mkdir()
        np.save(self.folder / "large/train.npy", large)
        self.assertIn(words, crc_train("data", "info", "--set", "data.name=arrays", "--set",
                                       f"data.dir={self.folder / 'large'}"))

    def test_an_acquisition_that_is_not_registered(self):
        crc_active.register_acquisition("of_this_process", lambda p: p.unlabeled[: p.budget])
        run = Run.create(self.folder / "a", {**SMALL, "acquisition": {**SMALL["acquisition"], "name": "of_this_process",
                                                                      "group_size": 1}}, data())
        program = "import sys; from crc_active import Run; Run(sys.argv[1]).train()"
        done = subprocess.run([sys.executable, "-c", program, run.directory], capture_output=True, text=True)
        words = 'chooses by the acquisition "of_this_process", which whoever began it had registered'
        for said in (done.stderr, spoken("resume", run.directory, code=78)[1]):
            self.assertIn(words, said)
            self.assertIn(f'crc_active.register_acquisition("of_this_process", ...), then crc_active.Run("{run.directory}")',
                          said)
        self.assertEqual(run.train(), "waiting")
        self.assertEqual(run.query().items.tolist(), list(range(12, 18)))

    def test_arrays(self):
        images, labels = pictures()
        for given, words in [
                ({"images": images.astype(np.float64)}, "expected images, uint8 [N,H,W,3]"),
                ({"images": images[..., :2]}, "expected images, uint8"),
                ({"images": images.reshape(60, -1)}, "expected images, uint8"),
                ({"images": images, "labels": labels[:-1]}, "expected one label for each of 60"),
                ({"images": images, "labels": labels + 0.5}, "is no class"),
                ({"images": images, "labels": np.array(["a"] * 60), "class_names": ["b", "c"]}, "none of class_names"),
                ({"images": images, "labels": labels, "class_names": ["b", "b", "c"]}, "a name of its own"),
                ({"images": images, "labels": labels, "class_names": ["b\n", "a", "c"]}, "a name of its own"),
                ({"images": images, "image": labels}, "it may have images"),
                ({"labels": labels}, "needs \"images\" or \"features\""),
                ({"images": images, "features": rows()[0]}, "needs \"images\" or \"features\""),
                ({"images": images, "labels": labels, "test_features": rows()[0]}, "must both be images"),
                ({"images": images, "labels": labels, "test_labels": labels}, "test_labels without test items"),
        ]:
            self.refuse(ValueError, words, self.create(given=given))
        for given, words in [
                ({"images": images, "labels": labels - 5}, "expected 0 to 9999"),
                ({"images": images, "labels": labels, "class_names": ["b", "c"]}, "names 2 classes, and 3 are needed"),
                ({"images": images, "labels": labels, "test_images": images[:, :4]}, "holds images of 4x8"),
        ]:
            self.refuse(ValueError, words, self.create(given=given), 65)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_directories(self):
        self.refuse(FileNotFoundError, "nothing", lambda: Run(self.folder / "nothing"), 66)
        self.create()()
        self.refuse(FileExistsError, "holds a run already", self.create(), 73)
        (self.folder / "b").mkdir()
        (self.folder / "b/mine.txt").write_text("")
        self.refuse(FileExistsError, "exists and is not empty",
                    lambda: Run.create(self.folder / "b", SMALL, all_known()), 73)
        run = self.folder / "a"
        self.refuse(ValueError, "ssl.epochs: 3", lambda: Run(run, {"ssl.epochs": 3}).train(), 78)
        self.refuse(FileNotFoundError, "has asked 0 queries", Run(run).query, 66)
        self.refuse(FileNotFoundError, "has finished 0 rounds", lambda: Run(run).predict(pictures()[0]), 66)
        self.refuse(ValueError, "does not wait for labels", lambda: Run(run).label({0: 1}), 64)
        text = (run / "config.toml").read_text()
        (run / "config.toml").write_text(text + " ")
        self.refuse(ValueError, "config.toml", lambda: Run(run).train(), 65)
        (run / "config.toml").write_text(text)
        images = run / "data/train.npy"
        np.save(images, 255 - np.load(images))
        self.refuse(ValueError, "have other content than when this run took them in", lambda: Run(run).train(), 65)

    def test_answers(self):
        run = Run.create(self.folder / "a", SMALL, data())
        run.train()
        items = [int(i) for i in run.query().items]
        good = {i: 0 for i in items}
        self.refuse(ValueError, "item 60 is no training item; they are 0 to 59", lambda: run.label({**good, 60: 0}), 65)
        self.refuse(ValueError, "has class 3; the run's are 0 to 2", lambda: run.label({**good, items[0]: 3}), 65)
        self.refuse(ValueError, ["has class \"aple\"", "apple"], lambda: run.label({**good, items[0]: "aple"}), 65)
        self.refuse(TypeError, "a class is its number or its name", lambda: run.label({**good, items[0]: 0.5}))
        self.refuse(TypeError, "a class is its number or its name", lambda: run.label({**good, items[0]: True}))
        self.assertEqual(run.label(dict(list(good.items())[2:])),
                         [f"2 of 6 queried items have no answer yet: {items[0]}, {items[1]}"])
        self.assertEqual((run.status, len(run.labels)), ("waiting", 12))
        self.assertEqual(run.label({items[0]: 1}), [f"1 of 6 queried items have no answer yet: {items[1]}"])
        self.assertTrue(any("not asked for" in note for note in run.label({items[1]: 0, items[0]: 0, 0: 1})))
        self.assertEqual([(i, c) for i, c, r in run.labels.tolist() if r == 1], list(good.items()))
        self.assertEqual((run.status, len(run.labels)), ("ready", 18))
        self.refuse(ValueError, "does not wait for labels", lambda: run.label(good), 64)

    def test_images(self):
        run = Run.create(self.folder / "a", SMALL, data())
        run.train()
        images = pictures()[0]
        self.refuse(ValueError, "the images are 4x8, and those of the run are 8x8",
                    lambda: run.predict(images[:, :4]), 64)
        self.refuse(ValueError, "neither images", lambda: run.predict(images.astype(int)))
        self.refuse(ValueError, "expected [N,H,W,3]", lambda: run.predict(images[..., :2]))
        self.refuse(ValueError, "expected [N,H,W,3]", lambda: run.predict(images[:0]))
        self.refuse(ValueError, "the run is of images", lambda: run.predict(rows()[0]), 64)
        self.refuse(FileNotFoundError, "there is no round 7", lambda: run.predict(images, round=7), 66)


if __name__ == "__main__":
    unittest.main()
