"""The field's methods for weakly labelled bags, one file each, behind one contract; see `contract` and `registry`."""
