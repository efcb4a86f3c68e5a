"""The secret of the web server in front."""

import stat

import pytest

from mmdnet.accounts.proxy import FILE, proxy_secret
from mmdnet.errors import LabError


def test_it_is_made_once_for_its_owner_only(tmp_path):
    secret = proxy_secret(tmp_path)
    assert len(secret) > 30 and proxy_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_where_it_cannot_be_kept_a_sentence_says_so(tmp_path):
    with pytest.raises(LabError, match="cannot be kept"):
        proxy_secret(tmp_path / "nowhere")
