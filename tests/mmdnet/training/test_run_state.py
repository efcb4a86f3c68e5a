from mmdnet.training.run_state import RunState

LOSSES = {"total": 1.0, "steatosis": 0.5}


def test_an_epoch_counts_as_best_by_kappa_then_by_loss():
    state = RunState({})
    assert state.close(LOSSES, {"kappa_mean": 0.5, "loss": 1.0}, 2.0, judged=True, rate=1e-3)
    assert state.history[-1].pop("learning_rate") == 1e-3
    assert not state.close(LOSSES, {"kappa_mean": 0.4, "loss": 0.1}, 2.0, judged=True)
    assert state.close(LOSSES, {"kappa_mean": 0.5, "loss": 0.9}, 2.0, judged=True)
    assert (state.epoch, state.best_epoch, state.seconds) == (3, 3, 6.0)
    assert state.history[0] == {
        "epoch": 1, "seconds": 2.0, "loss": 1.0, "loss_steatosis": 0.5, "validation_kappa_mean": 0.5, "validation_loss": 1.0
    }  # fmt: skip


def test_without_validation_the_last_epoch_is_the_best_and_while_warming_up_none_is():
    state = RunState({})
    assert state.close(LOSSES, {}, 1.0, judged=False)
    assert not RunState({}).close(LOSSES, {}, 1.0, judged=True)


def test_numbers_say_what_is_left_and_the_last_epochs_metrics():
    state = RunState({})
    assert state.numbers(4, 0.5, LOSSES)["eta_s"] is None
    state.close(LOSSES, {"kappa_mean": 0.5, "loss": 1.0}, 10.0, judged=True)
    told = state.numbers(4, 1.5, LOSSES)
    assert told["metrics"] == {"kappa_mean": 0.5, "loss": 1.0}
    assert (told["epoch"], told["epochs"], told["loss"], told["eta_s"]) == (1, 4, 1.0, 25.0)
    for _ in range(3):  # the first one was slow, as it is where the process has just started
        state.close(LOSSES, {}, 2.0, judged=True)
    assert state.numbers(9, 4, LOSSES)["eta_s"] == 10.0
