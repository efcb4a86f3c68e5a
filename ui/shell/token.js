// The header that carries a page's permission to our own routes; the server knows it as TOKEN_HEADER of ui/shell/routes.py.

export const TOKEN_HEADER = 'x-lab-token'
