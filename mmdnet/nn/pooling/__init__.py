"""Poolings: of a backbone's places into a patch's feature, of a bag's instances into one."""
