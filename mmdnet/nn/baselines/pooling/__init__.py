"""Methods that pool the instances of a bag into one feature: evenly, by their maximum, or by attention."""
