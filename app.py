"""The lab in a browser: `streamlit run app.py`.

Streamlit runs this file as a script to draw a page, and its server imports it to find the application with our own
routes; the name it runs under tells which of the two it is.
"""

import os
import sys

import streamlit as st

if __name__ == "__main__":
    from ui.shell.frame import draw

    draw()
else:
    from starlette.middleware import Middleware
    from streamlit.runtime.pages_manager import PagesManager

    from ui.label.bulk_routes import bulk_routes
    from ui.label.routes import label_routes
    from ui.server.door import base_path, why_not_here
    from ui.server.in_order import keep_in_order
    from ui.server.patience import close_half_sent
    from ui.shell.frame import show_fault
    from ui.shell.front import Front
    from ui.shell.routes import at_base, middleware, routes
    from ui.shell.session import lab_of_server
    from ui.shell.sign_in import asked, provider_configured, sign_in_routes
    from ui.slides.zoom_routes import zoom_routes

    address, hosts = st.get_option("server.address"), st.get_option("server.allowedHosts") or ()
    if why_not_here(address):  # else nobody but this machine reaches it
        opened = lab_of_server()
        encrypted = bool(st.get_option("server.sslCertFile")) or opened.settings.tls_in_front
        if refusal := why_not_here(address, asked(opened), encrypted, hosts):
            sys.exit(refusal)
    close_half_sent()
    keep_in_order()
    os.umask(0o077)  # what it writes is for the lab's user alone

    # Until some session has called st.navigation, Streamlit takes a folder named pages/ for its older navigation: the
    # first visitor of a fresh server who follows a deep link would get a page without frame and project.
    PagesManager.uses_pages_directory = False
    base = st.get_option("server.baseUrlPath")
    app = st.App(
        __file__,
        routes=at_base(
            [
                *routes(),
                *label_routes(),
                *zoom_routes(),
                *bulk_routes(),
                *sign_in_routes(lab_of_server, base_path(base)),
            ],
            base,
        ),
        middleware=[
            *middleware(base=base, hosts=hosts, most_bytes=st.get_option("server.maxUploadSize") * 2**20),
            # behind the wall: nobody sees the page who has not signed in; with a provider Streamlit sets the cookie by
            # which it knows who signed in at what a page asks for before the socket
            Middleware(Front, base=base_path(base), at_once=not provider_configured()),
        ],
        on_script_error=show_fault,
    )
