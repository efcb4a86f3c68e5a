import torch

from mmdnet.nn.distributed import all_reduce_sum, rank, sum_gradients, world_size


def test_alone_it_is_the_first_of_one_and_a_sum_is_the_value_itself():
    value = torch.ones(2)
    assert (rank(), world_size()) == (0, 1)
    assert all_reduce_sum(value) is value


def test_alone_gradients_stay_as_they_are():
    weight = torch.nn.Parameter(torch.ones(2))
    (3 * weight).sum().backward()
    sum_gradients([weight])
    assert weight.grad.tolist() == [3, 3]
