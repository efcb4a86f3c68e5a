"""What is measured, beside whom, and how to run it again: `python -m benchmarks NAME [--quick]`."""
