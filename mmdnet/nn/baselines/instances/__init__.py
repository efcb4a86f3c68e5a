"""Methods that judge instances one by one and make the bag's grade of what they say."""
