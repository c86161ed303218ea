import torch

torch.set_num_threads(1)  # the networks of the tests are tiny; two threads that wait for each other are slower than one
