import os

import pytest

import catalogue


# Warnings are a part of what some SDKs do.
@pytest.mark.filterwarnings("ignore")
def test_the_sdks_do_with_the_catalogue_what_they_did_before(serve):
    hurried = serve("--scenario", "*", "--time-scale", "0").url
    unhurried = serve("--scenario", "*").url
    found = catalogue.outcomes(hurried, unhurried)
    if os.environ.get("MYNAH_BLESS") == "1":
        return catalogue.bless(found)
    changed = catalogue.changes(found, hurried, unhurried)
    assert not changed, "changed, or never noted (scripts/catalogue):\n" + "\n".join(changed)
