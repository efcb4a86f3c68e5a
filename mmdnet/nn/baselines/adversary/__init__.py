"""Methods with a domain part, MMD-Net's own heads among them."""
