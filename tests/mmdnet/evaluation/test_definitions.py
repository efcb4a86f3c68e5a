"""Every definition is a sentence's end: it reads on from its name."""

from mmdnet.evaluation.definitions import DEFINITIONS


def test_every_definition_ends_as_a_sentence_and_says_more_than_its_name():
    for name, said in DEFINITIONS.items():
        assert said.endswith(".") and len(said) > 30 and not said.lower().startswith(name.lower())
