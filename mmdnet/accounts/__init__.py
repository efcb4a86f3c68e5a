"""Who may do what: roles, the rule of every use case, passwords and second factors. Pure: no database, no browser."""
