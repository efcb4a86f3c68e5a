"""Who is who: accounts and sign-ins, and the lab as one person may use it."""
