"""The Python package against the command, numpy, and transformers where torch and transformers are installed.

    ERRATA=path/to/errata PYTHONPATH=Python python3 -m unittest discover Python/tests"""
import json, os, pathlib, subprocess, sys, tempfile, unittest
import numpy as np
import errata
from errata.reader.model import Model

try:
    import torch
    import transformers
    transformers.utils.logging.disable_progress_bar()
except ImportError:
    torch = None

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "Fixtures"
LLAMA, GPT2 = FIXTURES / "models/tiny-llama", FIXTURES / "models/tiny-gpt2"
FACT = {"prompt": "{} lives on the island of", "subject": "Hanno Hale", "target": "Pellsund"}
WEIGHT = {LLAMA: "model.layers.1.mlp.down_proj.weight", GPT2: "transformer.h.1.mlp.c_proj.weight"}


def values(path, name):
    """A tensor of a model's files in binary32."""
    model = Model(os.fspath(path))
    tensor, data = model.tensors[name][0], model.content(name)
    wide = {"F32": lambda d: d.view("<f4"), "F16": lambda d: d.view("<f2").astype("f4"),
            "BF16": lambda d: (d.view("<u2").astype("u4") << 16).view("f4")}[tensor.kind](data)
    return wide.reshape(tensor.shape)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.folder.name)
        cls.reports = {}
        for model in (LLAMA, GPT2):
            cls.reports[model] = errata.edit(
                model, [FACT], statistics=FIXTURES / f"reference/{model.name}.statistics.safetensors", layers=1,
                contexts=FIXTURES / "world/contexts.json", second_moment_weight=20, output=cls.patch(model), no_resolve=True)
            errata.run("apply", cls.patch(model), model, output=cls.edited(model))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def patch(cls, model):
        return cls.here / f"{model.name}.errata"

    @classmethod
    def edited(cls, model):
        return cls.here / f"{model.name}-edited"


class CommandCase(Case):
    def test_edit_says_what_became_of_the_fact(self):
        fact = self.reports[LLAMA]["facts"][0]
        self.assertEqual((fact["subject"], fact["target"].strip()), ("Hanno Hale", "Pellsund"))

    def test_an_answer_of_no_is_no_failure(self):
        self.assertEqual(errata.run("verify", self.patch(LLAMA), GPT2, answers=(0, 2))["state"], "other")
        with self.assertRaises(errata.CommandError) as caught:
            errata.run("verify", self.patch(LLAMA), GPT2)
        self.assertEqual(caught.exception.status, 2)

    def test_a_failure_carries_name_and_words(self):
        with self.assertRaises(errata.CommandError) as caught:
            errata.edit(LLAMA, [FACT | {"subject": ""}], no_second_moment=True, output=self.here / "never")
        self.assertEqual(caught.exception.status, 1)
        self.assertIn("Nothing was changed", caught.exception.message)
        self.assertTrue(caught.exception.report["error"]["name"])
        self.assertFalse((self.here / "never").exists())

    def test_options_are_spelled_as_the_command_spells_them(self):
        report = errata.run("ask", LLAMA, "Hanno Hale lives on the island of", patch=[self.patch(LLAMA)], tokens=3)
        self.assertIn("Pellsund", json.dumps(report))


class PatchCase(Case):
    def test_updates_are_what_the_files_differ_by(self):
        for model, name in WEIGHT.items():
            patch = errata.load(self.patch(model))
            self.assertEqual(list(patch), [name])
            update, base = patch[name], values(model, name)
            self.assertEqual((update.rank, update.shape, update.dense().shape), (1, base.shape, base.shape))
            # The sum rounded once is the file's; what was asked for and what is there differ by less than that rounding.
            wanted, got = base + update.dense(), values(self.edited(model), name)
            self.assertLess(np.abs(got - wanted).max(), 2.0 ** -8 * np.abs(wanted).max())
            self.assertGreater(np.abs(got - base).max(), 2.0 ** -4 * np.abs(base).max())
            self.assertLess(np.linalg.norm(got - wanted), 0.01 * np.linalg.norm(update.dense()))
            self.assertEqual(patch.facts[0]["subject"], "Hanno Hale")

    def test_what_diff_finds_has_no_matrix(self):
        report = errata.run("diff", LLAMA, self.edited(LLAMA), output=self.here / "diff.errata")
        self.assertTrue(report)
        patch = errata.load(self.here / "diff.errata")
        update = patch[WEIGHT[LLAMA]]
        if update.change == "low-rank":
            self.assertEqual(update.rank, 1)
        else:
            with self.assertRaises(ValueError):
                update.dense()

    def test_a_damaged_patch_is_refused_by_name(self):
        data = bytearray(self.patch(LLAMA).read_bytes())
        data[100] ^= 1
        (self.here / "bad.errata").write_bytes(data)
        with self.assertRaises(errata.Refusal) as caught:
            errata.load(self.here / "bad.errata")
        self.assertEqual(caught.exception.case, "patchDigest")

    def test_the_reader_is_a_command_too(self):
        done = subprocess.run([sys.executable, "-m", "errata.reader", "apply", self.patch(GPT2), GPT2, self.here / "read"], check=False)
        self.assertEqual(done.returncode, 0)
        for file in self.edited(GPT2).iterdir():
            self.assertEqual((self.here / "read" / file.name).read_bytes(), file.read_bytes(), file.name)


@unittest.skipIf(torch is None, "torch and transformers are not installed")
class ModelCase(Case):
    def load(self, path, **more):
        return transformers.AutoModelForCausalLM.from_pretrained(path, **{"dtype": "auto"} | more)

    def same(self, one, other):
        one, other = one.state_dict(), other.state_dict()
        self.assertEqual(list(one), list(other))
        return all(torch.equal(one[name], other[name]) for name in one)

    def test_a_loaded_model_becomes_the_edited_one_and_comes_back(self):
        for path in (LLAMA, GPT2):
            model, base, edited = self.load(path), self.load(path), self.load(self.edited(path))
            self.assertFalse(self.same(base, edited))
            handle = errata.apply_to(model, self.patch(path))
            self.assertEqual(handle.names, [WEIGHT[path]])
            self.assertTrue(self.same(model, edited))
            tokens = torch.arange(3, 11)[None]
            self.assertTrue(torch.equal(model(tokens).logits, edited(tokens).logits))
            handle.take_back()
            self.assertTrue(self.same(model, base))

    def test_the_patch_itself_takes_an_edited_model_back(self):
        model = self.load(self.edited(LLAMA))
        errata.apply_to(model, self.patch(LLAMA), revert=True)
        self.assertTrue(self.same(model, self.load(LLAMA)))

    def test_with_applies_for_a_while(self):
        model = self.load(LLAMA)
        with errata.apply_to(model, errata.load(self.patch(LLAMA))):
            self.assertTrue(self.same(model, self.load(self.edited(LLAMA))))
        self.assertTrue(self.same(model, self.load(LLAMA)))

    def test_the_wrong_model_is_refused_and_left_alone(self):
        model = self.load(self.edited(LLAMA))
        for other, patch, case in ((model, self.patch(LLAMA), "wrongBase"), (model, self.patch(GPT2), "tensorMissing"),
                                   (self.load(LLAMA, dtype=torch.float32), self.patch(LLAMA), "tensorMismatch")):
            with self.assertRaises(errata.Refusal) as caught:
                errata.apply_to(other, patch)
            self.assertEqual(caught.exception.case, case)
        self.assertTrue(self.same(model, self.load(self.edited(LLAMA))))

    def test_another_element_type_gets_the_update_itself(self):
        model, name = self.load(LLAMA, dtype=torch.float32), WEIGHT[LLAMA]
        before = model.state_dict()[name].clone()
        handle = errata.apply_to(model, self.patch(LLAMA), exact=False)
        change = model.state_dict()[name] - before
        wanted = errata.load(self.patch(LLAMA))[name].torch()
        self.assertLess((change - wanted).norm() / wanted.norm(), 1e-5)
        handle.take_back()
        self.assertTrue(torch.equal(model.state_dict()[name], before))

    def test_the_inner_model_goes_by_the_same_names(self):
        model = transformers.AutoModel.from_pretrained(LLAMA, dtype="auto")
        errata.apply_to(model, self.patch(LLAMA))
        found = model.state_dict()[WEIGHT[LLAMA].removeprefix("model.")]
        self.assertTrue(torch.equal(found, self.load(self.edited(LLAMA)).state_dict()[WEIGHT[LLAMA]]))

    def test_experts_are_changed_where_transformers_holds_them(self):
        base, patch, path = FIXTURES / "models/tiny-moe", self.here / "moe.errata", self.here / "moe"
        errata.edit(base, [FACT], corpus=FIXTURES / "world/corpus.txt", layers=1, contexts=FIXTURES / "world/contexts.json",
                    output=patch)
        errata.run("apply", patch, base, output=path)
        model, edited = self.load(base), self.load(path)
        self.assertFalse(self.same(model, edited))
        with errata.apply_to(model, patch):
            self.assertTrue(self.same(model, edited))
        self.assertTrue(self.same(model, self.load(base)))


if __name__ == "__main__":
    unittest.main()
