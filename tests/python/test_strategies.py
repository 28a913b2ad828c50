"""crc_active.strategies: scikit-activeml's query, its checks, and its loop beside its own strategies.

CRC_SKACTIVEML=DIR, a checkout of scikit-activeml, also runs its own template of checks (which its wheel does not hold).
"""

import os
import subprocess
import sys
import unittest
import warnings

import numpy as np

from crc_active import strategies
from crc_active import select

try:
    import skactiveml
    from skactiveml import pool as theirs
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.utils import MISSING_LABEL, call_func
    from sklearn.base import clone
    from sklearn.datasets import make_blobs
    from sklearn.linear_model import LogisticRegression
except ImportError:
    skactiveml = None

ALL = list(strategies.STRATEGIES.items())
USES_CLF = {name: "clf" in cls.query.__code__.co_varnames for name, cls in ALL}
EXTRA = {"group_size": [(0, ValueError), (1.5, TypeError), (1, None)], "search": [(1, TypeError), ("partition", None)],
         "radius": [(-1.0, ValueError), ("r", TypeError), (0.0, None)]}


def problem(count=40, labeled=8, seed=0):
    random = np.random.RandomState(seed)
    truth = np.arange(count) % 3
    x = random.randn(count, 5) + 2 * np.eye(3, 5)[truth]
    y = truth.astype(float)
    y[labeled:] = np.nan
    return x, y, truth


@unittest.skipUnless(skactiveml, "no scikit-activeml")
class Strategies(unittest.TestCase):
    def query(self, name, **changed):
        x, y, _ = problem()
        arguments = {"X": x, "y": y, **changed}
        if USES_CLF[name]:
            arguments.setdefault("clf", SklearnClassifier(LogisticRegression(), classes=[0, 1, 2]))
        return strategies.STRATEGIES[name](random_state=0).query(**arguments)

    def test_the_registry_is_there(self):
        self.assertGreaterEqual(set(strategies.STRATEGIES), {"random", "entropy", "margin", "badge", "coreset", "crc",
                                                             "typiclust", "facility_location", "galaxy", "bait"})
        for name, cls in ALL:
            self.assertIs(getattr(strategies, cls.__name__), cls)
            self.assertIn(name, cls.__doc__)
            self.assertIsInstance(cls(), skactiveml.base.SingleAnnotatorPoolQueryStrategy)
            self.assertEqual(clone(cls(random_state=3)).get_params()["random_state"], 3)

    def test_every_strategy(self):
        for name, _ in ALL:
            with self.subTest(name):
                picks, utilities = self.query(name, batch_size=6, return_utilities=True)
                self.assertEqual((len(set(picks)), min(picks) >= 8, utilities.shape), (6, True, (6, 40)))
                np.testing.assert_array_equal(picks, self.query(name, batch_size=6))  # the same numbers again
                for k, row in enumerate(utilities):
                    self.assertTrue(np.isnan(row[:8]).all() and np.isnan(row[picks[:k]]).all())
                    self.assertEqual(np.isnan(row).sum(), 8 + k)

    def test_picks_are_those_of_select(self):
        x, y, _ = problem()
        for name in ("coreset", "kmeans", "crc"):
            seed = strategies.STRATEGIES[name](random_state=0)
            picks = seed.query(x, y, batch_size=4)
            again = select(x, y, budget=4, acquisition=name, device="cpu",
                           seed=int(skactiveml.utils.check_random_state(0, 33).randint(2**31 - 1)))
            np.testing.assert_array_equal(picks, again.picks)

    def test_scores_of_single_items_order_the_picks(self):
        for name in ("entropy", "confidence", "margin", "egl_last"):
            picks, utilities = self.query(name, batch_size=5, return_utilities=True)
            for pick, row in zip(picks, utilities):
                self.assertEqual(row[pick], np.nanmax(row), name)

    def test_other_missing_labels_and_classes(self):
        x, _, truth = problem()
        for missing, classes in [(-1, [0, 1, 2]), (None, ["a", "b", "c"]), ("", ["a", "b", "c"])]:
            y = np.array([classes[t] for t in truth], dtype=object if missing is None else None)
            y = y.astype("U4") if missing == "" else y
            y[8:] = missing
            clf = SklearnClassifier(LogisticRegression(), classes=classes, missing_label=missing)
            for name in ("crc", "badge", "galaxy"):
                arguments = {"clf": clf} if USES_CLF[name] else {}
                picks = strategies.STRATEGIES[name](missing_label=missing, random_state=1).query(x, y, batch_size=3,
                                                                                                 **arguments)
                self.assertGreaterEqual(min(picks), 8)

    def test_candidates(self):
        for name in ("crc", "entropy", "coreset"):
            picks = self.query(name, candidates=[9, 20, 33], batch_size=2)
            self.assertLessEqual(set(picks), {9, 20, 33})
            with self.assertRaises(skactiveml.exceptions.MappingError):
                self.query(name, candidates=problem()[0][9:12])

    def test_groups(self):
        x, y, _ = problem()
        strategy = strategies.Crc(group_size=3, search="independent", random_state=0)
        self.assertEqual(len(strategy.query(x, y, batch_size=6)), 6)
        with self.assertRaisesRegex(ValueError, "divide"):
            strategy.query(x, y, batch_size=5)
        with self.assertRaisesRegex(ValueError, "search"):
            strategies.Crc(search="magic").query(x, y, batch_size=2)

    def test_nobody_is_labelled(self):
        for name, _ in ALL:
            y = np.full(40, MISSING_LABEL)
            try:
                picks = self.query(name, y=y, batch_size=3)
            except ValueError as error:  # it halves between labels, or averages over them
                self.assertIn("label", str(error), name)
                continue
            self.assertEqual(len(set(picks)), 3, name)

    def test_the_pool_based_loop_beside_their_own(self):
        x, truth = make_blobs(n_samples=120, centers=3, cluster_std=0.6, random_state=0)
        for strategy in [*(cls(random_state=0) for _, cls in ALL), theirs.RandomSampling(random_state=0),
                         theirs.UncertaintySampling(random_state=0), theirs.CoreSet(random_state=0)]:
            with self.subTest(type(strategy).__name__), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                y = np.full(len(x), MISSING_LABEL)
                y[[np.flatnonzero(truth == c)[0] for c in range(3)]] = range(3)
                clf = SklearnClassifier(LogisticRegression(), classes=[0, 1, 2], random_state=0)
                for _ in range(5):
                    picks = call_func(strategy.query, X=x, y=y, clf=clf, batch_size=3)
                    self.assertTrue(np.isnan(y[picks]).all())
                    y[picks] = truth[picks]
                self.assertEqual((~np.isnan(y)).sum(), 18)
                self.assertGreater(clf.fit(x, y).score(x, truth), 0.8)


def template_of(name, cls, Template):
    x = np.linspace(0, 1, 24).reshape(12, 2) ** 2
    y = np.hstack([[0, 1], np.full(10, MISSING_LABEL)])
    init = list(cls.__init__.__code__.co_varnames[1:cls.__init__.__code__.co_argcount])

    def setUp(self):
        query = {"X": x, "y": y}
        if USES_CLF[name]:
            query["clf"] = SklearnClassifier(LogisticRegression(), classes=[0, 1], random_state=0)
        Template.setUp(self, qs_class=cls, init_default_params={}, query_default_params_clf=query)

    def test_query(self):
        self.assertEqual(len(cls(random_state=0).query(**self.query_default_params_clf)), 1)

    def test_query_param_clf(self):
        Template.test_query_param_clf(self, test_cases=[
            (SklearnClassifier(LogisticRegression(), classes=[0, 1]), None)])

    members = {"setUp": setUp, "test_query": test_query, "test_query_param_clf": test_query_param_clf}
    for param in set(init) & set(EXTRA):
        members[f"test_init_param_{param}"] = lambda self, p=param: self._test_param("init", p, EXTRA[p])
    return type(f"TestTemplate_{name}", (Template, unittest.TestCase), members)


if skactiveml and os.environ.get("CRC_SKACTIVEML"):
    skactiveml.__path__.append(os.path.join(os.environ["CRC_SKACTIVEML"], "skactiveml"))
    from skactiveml.tests.template_query_strategy import TemplateSingleAnnotatorPoolQueryStrategy

    for name, cls in ALL:
        made = template_of(name, cls, TemplateSingleAnnotatorPoolQueryStrategy)
        globals()[made.__name__] = made
    del made, TemplateSingleAnnotatorPoolQueryStrategy


class WithoutScikitActiveml(unittest.TestCase):
    """The classes stand alone where it is not installed, and choose the same."""

    def test_the_same_picks(self):
        program = ("import sys\n"
                   "for name in ('skactiveml', 'sklearn'): sys.modules[name] = None\n"
                   "import numpy as np; from crc_active import strategies\n"
                   "x = np.load(sys.argv[1])\n"
                   "y = np.where(np.arange(len(x)) < 8, np.arange(len(x)) % 3, np.nan)\n"
                   "class Clf:\n"
                   "    missing_label, classes_ = np.nan, [0, 1, 2]\n"
                   "    def fit(self, X, y): return self\n"
                   "    def predict_proba(self, X): e = np.exp(X[:, :3]); return e / e.sum(1, keepdims=True)\n"
                   "state = np.random.RandomState(5)\n"
                   "print(strategies.Coreset(random_state=state).query(x, y, batch_size=4).tolist())\n"
                   "print(strategies.Margin(random_state=0).query(x, y, Clf(), batch_size=4).tolist())\n"
                   "try: strategies.Coreset().query(x, y[:3])\n"
                   "except ValueError as e: print(e)\n")
        import tempfile
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            x = problem()[0]
            np.save(file.name, x)
            done = subprocess.run([sys.executable, "-c", program, file.name], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        coreset, margin, words = done.stdout.splitlines()
        e = np.sort(x[8:, :3], axis=1)
        p = np.exp(e) / np.exp(e).sum(1, keepdims=True)
        self.assertEqual(eval(margin), (8 + np.argsort(p[:, 2] - p[:, 1])[:4]).tolist())
        self.assertEqual(len(set(eval(coreset))), 4)
        self.assertIn("expected a label for each of 40 samples", words)


if __name__ == "__main__":
    unittest.main()
