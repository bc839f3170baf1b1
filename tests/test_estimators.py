"""The scikit-learn estimators: scikit-learn's own checks, and what goes beyond them."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from experiments import NEATClassifier, NEATRegressor

IRIS = load_iris(return_X_y=True)


@pytest.mark.slow
@parametrize_with_checks([NEATClassifier(), NEATRegressor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def short(**values):
    return NEATClassifier(population=10, generations=8, gradient_steps=5, random_state=3, **values)


def test_it_learns_and_shows_what_it_found():
    X, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = NEATClassifier(random_state=1).fit(X, names)
    assert model.score(X, names) > 0.94
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    logits = model.network_(X)
    np.testing.assert_array_equal(model.classes_[logits.argmax(axis=1)], model.predict(X))
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert len(model.history_) == model.n_iter_ and model.history_[0].best > model.history_[-1].best
    assert model.champion_.num_inputs == 4
    X, y = load_diabetes(return_X_y=True)
    regressor = NEATRegressor(random_state=1).fit(X, y)
    assert regressor.score(X, y) > 0.45
    np.testing.assert_allclose(regressor.network_(X)[:, 0], regressor.predict(X), rtol=1e-6)


def test_evolution_finds_what_is_not_linear():
    X, y = make_moons(300, noise=0.15, random_state=0)
    assert NEATClassifier(random_state=2).fit(X, y).score(X, y) > 0.95


def test_the_seed_decides():
    one, two, other = (NEATClassifier(generations=10, random_state=s).fit(*IRIS) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.decision_function(IRIS[0]), two.decision_function(IRIS[0]))
    assert not np.array_equal(one.decision_function(IRIS[0]), other.decision_function(IRIS[0]))


def test_pipelines_searches_copies_and_pickles():
    X, y = IRIS
    pipeline = make_pipeline(StandardScaler(), short())
    assert len(cross_val_score(pipeline, X, y, cv=3)) == 3
    search = GridSearchCV(pipeline, {"neatclassifier__gradient_steps": [0, 5]}, cv=2).fit(X, y)
    assert search.best_params_ == {"neatclassifier__gradient_steps": 5}
    model = short().fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert again.network_ is not model.network_ and len(again.history_) == len(model.history_)
    assert not hasattr(clone(model), "champion_")


def test_early_stopping_and_progress(capsys):
    model = NEATClassifier(population=10, generations=300, n_iter_no_change=3, random_state=0, verbose=1).fit(*IRIS)
    assert model.n_iter_ < 300
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_ and "validation" in lines[0]


def test_scores_without_a_gradient_and_class_weights():
    X, y = make_moons(200, noise=0.3, random_state=1)
    model = NEATClassifier(30, 15, objective="f1", random_state=1).fit(X, y)
    assert model.score(X, y) > 0.75 and not hasattr(model, "predict_proba")
    shares = [short(class_weight=w).fit(X, y).predict(X).mean() for w in ({0: 20}, "balanced", {1: 20})]
    assert shares[0] < shares[1] < shares[2]


def test_a_weight_is_so_many_equal_rows():
    X, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    names = np.where(y > 140, "high", "low")
    order = np.random.default_rng(2).permutation(len(X))
    small = {"population": 6, "generations": 4, "batch_size": 50, "random_state": 1}
    for model, targets in ((NEATRegressor(**small), y), (NEATClassifier(class_weight="balanced", **small), names)):
        model.fit(X[order], targets[order], sample_weight=3 * weight[order])
        repeated = clone(model).fit(X.repeat(weight, axis=0), targets.repeat(weight))
        np.testing.assert_array_equal(model.network_(X), repeated.network_(X))
        assert not np.array_equal(model.network_(X), clone(model).fit(X, targets).network_(X))
        for wrong, part in ((-weight, "[Nn]egative"), (weight[1:], "shape"), (0 * weight, "0|zero")):
            with pytest.raises(ValueError, match=part):
                model.fit(X, targets, sample_weight=wrong)
    with pytest.raises(ValueError, match="one class only, low"):
        model.fit(X, names, sample_weight=names == "low")


def test_several_targets():
    X, y = load_diabetes(return_X_y=True)
    both = np.column_stack((y, -3 * y + 7))
    model = NEATRegressor(population=10, generations=15, random_state=1).fit(X, both)
    assert model.predict(X).shape == both.shape and model.score(X, both) > 0.3


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"population": 1}, "population"),
        ({"objective": "mse"}, "objective"),
        ({"gradient_steps": -1}, "gradient_steps"),
        ({"neat": {"add_nod": 0.1}}, "add_nod"),
        ({"neat": {"add_node": 2.0}}, "add_node"),
        ({"neat": {"mode": "synchronous"}}, "feedforward"),
        ({"neat": {"output_activation": "tanh"}}, "identity"),
        ({"class_weight": "even"}, "class_weight"),
    ],
)
def test_wrong_parameters_are_scikit_learns_errors(values, part):
    from sklearn.utils._param_validation import InvalidParameterError

    with pytest.raises(InvalidParameterError, match=part):
        NEATClassifier(**values).fit(*IRIS)


def test_bad_data_are_scikit_learns_errors():
    X, y = IRIS
    with pytest.raises(NotFittedError):
        NEATClassifier().predict(X)
    with pytest.raises(NotFittedError):
        _ = NEATRegressor().network_
    for bad, labels, part in (
        (np.where(X > 7, np.nan, X), y, "NaN"),
        (X, y[:-1], "inconsistent"),
        (X, y * 0, "class"),
        (X, np.linspace(0, 1, len(y)), "continuous"),
        (X.astype(str), np.array(["a"] * len(y)), "class"),
        (np.full(X.shape, "text"), y, "could not convert"),
    ):
        with pytest.raises(ValueError, match=part):
            NEATClassifier().fit(bad, labels)
    with pytest.raises(ValueError, match="features"):
        short().fit(X, y).predict(X[:, :3])


def test_without_scikit_learn_one_line_says_what_to_install(monkeypatch):
    import sys

    import experiments

    monkeypatch.delitem(sys.modules, "experiments.estimators")
    monkeypatch.delattr(experiments, "estimators", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"speciate\[sklearn\]"):
        _ = experiments.NEATClassifier
