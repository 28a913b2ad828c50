"""crc_active.weights: files in and out, and the same function in PyTorch."""

import unittest

import numpy as np

from crc_active import Run, weights

from runs import SMALL, RunTest, all_known, pictures, rows

try:
    import torch
except ImportError:
    torch = None


class Files(RunTest):
    def test_out_and_in(self):
        path = self.folder / "w.safetensors"
        arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float64(3), "c": np.array([], np.uint8),
                  "d": np.array([[1], [-2]], np.int32), "e": np.array([2**40]), "f": np.array([0.1], np.float16)}
        weights.save(path, arrays, {"note": "hello"})
        loaded = weights.load(path)
        self.assertEqual(loaded.metadata, {"note": "hello"})
        for name, values in arrays.items():
            np.testing.assert_array_equal(loaded[name], values)
            self.assertEqual(loaded[name].dtype, np.float32 if name == "f" else np.asarray(values).dtype)
        loaded["a"][0, 0] = 7  # it is the caller's
        self.refuse(FileExistsError, "exists; name another file", lambda: weights.save(path, loaded))
        weights.save(path, loaded, overwrite=True)
        self.assertEqual((weights.load(path)["a"][0, 0], weights.load(path).metadata), (7, {"note": "hello"}))
        turned = np.arange(12, dtype=np.float32).reshape(3, 4).T
        weights.save(path, {"t": turned}, overwrite=True)
        np.testing.assert_array_equal(weights.load(path)["t"], turned)

    def test_wrong(self):
        path = self.folder / "w.safetensors"
        self.refuse(FileNotFoundError, "w.safetensors", lambda: weights.load(path), 66)
        path.write_bytes(b"no weights")
        self.refuse(ValueError, "w.safetensors", lambda: weights.load(path), 65)
        self.refuse(TypeError, "a is complex128", lambda: weights.save(path, {"a": np.array([1j])}, overwrite=True))
        self.refuse(TypeError, "a is object", lambda: weights.save(path, {"a": np.array([None])}, overwrite=True))
        self.assertEqual(path.read_bytes(), b"no weights")

    def test_of_a_run(self):
        run = Run.create(self.folder / "a", SMALL, all_known())
        run.train()
        path = run.directory / "rounds/00/weights.safetensors"
        w = weights.load(path)
        self.assertEqual(w["conv1.weight"].shape, (4, 3, 3, 3))
        self.assertEqual(w.metadata["crc.model.depth"], "10")
        other = self.folder / "copy.safetensors"
        weights.save(other, w)
        self.assertEqual(other.read_bytes(), path.read_bytes())
        bytes_ = bytearray(path.read_bytes())
        bytes_[-1] ^= 1
        path.write_bytes(bytes_)
        self.refuse(ValueError, "weights.safetensors", lambda: weights.load(path), 65)


@unittest.skipUnless(torch, "no PyTorch")
class Torch(RunTest):
    """The module's logits are the run's."""

    def compare(self, run, items, x):
        w = weights.load(run.directory / "rounds/01/weights.safetensors")
        net = weights.to_torch(w)
        self.assertFalse(net.training)
        self.assertEqual(set(net.state_dict()), set(w))
        predicted = run.predict(items)
        with torch.no_grad():
            logits, features = net(x).numpy(), net.features(x).numpy()
        np.testing.assert_allclose(logits, predicted.logits, rtol=2e-5, atol=2e-5 * np.abs(predicted.logits).max())
        np.testing.assert_allclose(features, predicted.features, rtol=2e-5, atol=2e-5 * np.abs(features).max())
        return net, w

    def images(self, **model):
        run = Run.create(self.folder / "_".join(map(str, model.values())), SMALL, all_known(),
                         settings={f"model.{key}": value for key, value in model.items()})
        run.train()
        images = pictures()[0]
        return self.compare(run, images, torch.from_numpy(images).permute(0, 3, 1, 2) / 255)

    def test_wide_residual_networks(self):
        for model in ({"wiring": "raw_x"}, {"wiring": "shared_act", "width": 2, "first_stride": 2},
                      {"wiring": "preact", "conv_bias": "stem", "bn_offset": 0.1}, {"depth": 16, "conv_bias": "all",
                                                                                   "slope": 0.2}):
            with self.subTest(model):
                self.images(**model)

    def test_perceptrons(self):
        self.images(name="mlp", depth=2, width=16)
        self.images(name="linear")

    def test_of_embeddings(self):
        x, y = rows()
        config = {"model.name": "linear", "ssl.method": "supervised", "ssl.epochs": 1, "ssl.steps_per_epoch": 20,
                  "data.scaling": "none", "acquisition": SMALL["acquisition"], "run.device": "cpu"}
        run = Run.create(self.folder / "a", config, (x, y))
        run.train()
        self.compare(run, x, torch.from_numpy(x))

    def test_what_a_file_does_not_say(self):
        net, w = self.images(wiring="preact")
        plain = dict(w)  # no metadata
        self.refuse(ValueError, "which network", lambda: weights.to_torch(plain))
        self.refuse(ValueError, "do not say depth", lambda: weights.to_torch(plain, name="wrn"))
        self.refuse(ValueError, "not those of this network", lambda: weights.to_torch(w, depth=16))
        self.refuse(ValueError, "no fc.weight", lambda: weights.to_torch(weights.Weights({}, w.metadata)))


if __name__ == "__main__":
    unittest.main()
