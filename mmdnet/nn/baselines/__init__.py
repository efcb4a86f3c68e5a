"""The field's methods for weakly labelled bags, one file each, behind one contract; see `contract` and `registry`.

They lie by what they do with a bag's instances: judge them one by one (`instances`), pool them into one feature
(`pooling`), let them hear from each other first (`context`), or unlearn the domain from them (`adversary`).
"""
