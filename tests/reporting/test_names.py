import pytest

from modx_lightning.reporting.names import shorten


@pytest.mark.parametrize(
    ("names", "width", "expected"),
    [
        (["food", "tools"], 5, ["food", "tools"]),
        (["electronics", "food"], 7, ["electr…", "food"]),
        (["home_kitchen", "home_bedroom"], 6, ["…tchen", "…droom"]),
        (["home_kitchen", "home_bedroom", "food"], 6, ["…tchen", "…droom", "food"]),
        ([], 5, []),
    ],
)
def test_long_names_are_cut_where_they_stay_apart(names, width, expected):
    assert shorten(names, width) == expected
    assert all(len(name) <= width for name in shorten(names, width))
