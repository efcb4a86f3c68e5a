"""What may be searched stands once, in the configuration's own fields."""

import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.search.space import check_frozen, given_params, searchable, space_of
from mmdnet.training.config import TrainingConfig, read_config, training_options


def test_every_option_that_says_so_is_searched_and_both_ends_of_its_range_are_settings_a_training_takes():
    said = {o.name for o in training_options() if o.option.searched is not None and len(o.option.values) != 1}
    assert set(searchable()) == said
    for dimension in searchable().values():
        for value in dimension.values or (dimension.low, dimension.high):
            assert dimension.holds(value)
            given = int(value) if dimension.field.kind == "whole" else value
            read_config({"backbone": "small", dimension.name: given})
            assert dimension.distribution()._contains(dimension.distribution().to_internal_repr(given))


def test_what_bags_are_judged_by_is_not_searched_so_that_figures_stay_comparable():
    assert not {"bag_size", "seed", "folds", "split_by", "test_on", "learn_from", "ignored_task"} & set(searchable())


def test_the_usual_options_do_something_in_every_training_and_others_are_taken_by_name_in_order():
    assert all(not dimension.whole for dimension in space_of(()))
    assert [dimension.name for dimension in space_of(("lr_heads", "head"))] == ["head", "lr_heads"]
    with pytest.raises(LabError, match=r"bag_size is nothing a search may try\. It may try: place_pooling"):
        space_of(("bag_size",))


def test_a_frozen_backbone_refuses_what_does_nothing_to_it():
    check_frozen(space_of(("lr_heads",)))
    with pytest.raises(LabError, match=r"augment, alpha do nothing while the backbone stays frozen\. Leave them out"):
        check_frozen(space_of(("alpha", "augment", "lr_heads")))


def test_settings_as_given_are_params_only_where_a_search_would_try_them():
    space = space_of(("lr_heads", "head", "balance"))
    assert given_params(TrainingConfig(), space) == {"lr_heads": 1e-3, "head": "corn", "balance": True}
    assert given_params(read_config({"lr_heads": 0.5}), space) is None
    assert given_params(TrainingConfig(), space_of(("projection",))) is None


def test_a_range_is_said_in_words():
    known = searchable()
    assert known["lr_heads"].range == "0.0001 to 0.01, evenly in its logarithm"
    assert known["head"].range == "Ordered grades (CORN) · Unordered grades (softmax)"
    assert known["balance"].range == "no · yes"
