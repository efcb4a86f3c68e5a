import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.slides.geometry import PatchGrid, choose_level, levels_of, window


@st.composite
def pyramids(draw):
    """Pyramids as scanners write them: each level shrunk by 2 to 4, rounded up or down, each side by itself."""
    width, height = draw(st.integers(2000, 150_000)), draw(st.integers(2000, 150_000))
    sizes, down = [(width, height)], 1
    for _ in range(draw(st.integers(0, 4))):
        down *= draw(st.sampled_from((2, 3, 4)))
        up_x, up_y = draw(st.booleans()), draw(st.booleans())
        sizes.append((max(1, width // down + up_x), max(1, height // down + up_y)))
    return levels_of(sizes)


grids = st.builds(
    PatchGrid,
    st.tuples(st.integers(0, 5000), st.integers(0, 5000)),
    st.integers(64, 1024),
    st.floats(0.1, 2.0),
    st.floats(0.1, 2.0),
    st.floats(0.1, 2.0),
)


@given(pyramids(), grids, st.integers(0, 60), st.integers(0, 60))
def test_a_patch_covers_the_same_tissue_whatever_the_pyramid(levels, grid, row, col):
    cut = grid.window(row, col, levels)
    level = levels[cut.level]
    assert cut.width * level.downsample_x * grid.mpp_x == pytest.approx(
        grid.side_um, abs=0.51 * level.downsample_x * grid.mpp_x
    )
    assert cut.height * level.downsample_y * grid.mpp_y == pytest.approx(
        grid.side_um, abs=0.51 * level.downsample_y * grid.mpp_y
    )


@given(pyramids(), grids, st.integers(0, 60), st.integers(0, 60))
def test_a_window_begins_where_the_patch_does_to_half_a_pixel(levels, grid, row, col):
    cut = grid.window(row, col, levels)
    x, y = grid.corner_px0(row, col)
    level = levels[cut.level]
    assert abs(cut.x - x / level.downsample_x) <= 0.5
    assert abs(cut.y - y / level.downsample_y) <= 0.5


@given(grids, st.integers(0, 500), st.integers(0, 500))
def test_corners_never_drift_along_the_grid(grid, row, col):
    x, y = grid.corner_px0(row, col)
    width, height = grid.side_px0
    assert abs(x - grid.origin_px0[0] - col * width) <= 0.5
    assert abs(y - grid.origin_px0[1] - row * height) <= 0.5


@given(pyramids(), st.floats(0.2, 200))
def test_the_chosen_level_is_fine_enough_and_no_coarser_one_is(levels, wanted):
    best = choose_level(levels, wanted, wanted)
    fits = [i for i, level in enumerate(levels) if max(level.downsample_x, level.downsample_y) <= wanted * 1.01]
    assert best == (max(fits, key=lambda i: levels[i].downsample_x) if fits else 0)


def test_a_level_rounded_up_reads_512_pixels_and_not_1024():
    levels = levels_of([(4001, 4001), (2001, 2001)])  # 1.9995, which int() makes 1
    best = choose_level(levels, 2.0, 2.0)
    cut = window(levels, best, 1000, 1000, 1024, 1024)
    assert (best, cut.width, cut.height) == (1, 512, 512)


def test_no_magnification_class_is_made_of_035_um_per_pixel():
    grid = PatchGrid((0, 0), 299, 0.5, 0.35, 0.35)
    assert grid.side_px0 == pytest.approx((427.142857, 427.142857))
