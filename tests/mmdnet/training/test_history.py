from mmdnet.training.history import write_history


def test_the_table_is_written_whole_and_leaves_empty_what_was_not_measured(tmp_path):
    write_history(tmp_path, [{"epoch": 1, "loss": 2.0}])
    write_history(tmp_path, [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.5, "validation_kappa_mean": None}])
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss,validation_kappa_mean\n1,2.0,\n2,1.5,\n"
    assert list((tmp_path / "tensorboard").iterdir())
