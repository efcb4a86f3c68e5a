"""Backbones on the command line: what there is, and what is said when one cannot be fetched."""

import json


def test_the_list_names_each_with_where_it_is_and_its_licence(run):
    code, out, _ = run("backbones", "list")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0 and "with the program, Apache-2.0" in lines["efficientnet-lite0"]
    assert "on the hub, CC-BY-NC-ND-4.0, gated" in lines["UNI"] and "ResNet50" in lines
    code, out, _ = run("backbones", "list", "--json")
    assert code == 0 and len(json.loads(out)["backbones"]) == len(lines)


def test_a_hub_that_does_not_answer_is_one_sentence(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    code, _, err = run("backbones", "get", "ResNet50")
    assert code == 1 and "ResNet50 was not fetched: the hub (http://127.0.0.1:9) does not answer" in err
    assert not list((tmp_path / "home" / "backbones").glob("*"))
    assert run("backbones", "get", "nonsense")[0] == 1
