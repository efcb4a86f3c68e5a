"""From the vector scene to how much dye each pixel of a window binds."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmdnet.simulate.lobules import Ring
from mmdnet.simulate.scene import Scene
from mmdnet.simulate.sprites import nucleus_sprites
from mmdnet.simulate.texture import Window, texture

NUCLEUS, CYTOPLASM, COLLAGEN, RED_CELL = range(4)  # what binds dye, in the order of the planes
MARGIN_UM = 24.0  # drawn around a window so that blurs and stamps at its edge are whole
_BITS = 4


@dataclass(frozen=True, slots=True)
class Painted:
    """Dye in a window.

    Attributes:
        dye: float32, shape (4, h, w), about 0-1.5: bound by nuclei, cytoplasm, collagen, red cells.
        tissue: uint8, shape (h, w), 0 on glass to 255 on tissue.
        fat: uint8, shape (h, w), 255 inside droplets.
    """

    dye: np.ndarray
    tissue: np.ndarray
    fat: np.ndarray


class _Canvas:
    """Draws µm shapes on pixel planes of one window."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.shape = (window.height, window.width)

    def plane(self) -> np.ndarray:
        return np.zeros(self.shape, np.uint8)

    def fixed(self, points: np.ndarray) -> np.ndarray:
        return np.round(self.window.to_px(points) * (1 << _BITS)).astype(np.int32)

    def fill(self, plane: np.ndarray, outlines: list[np.ndarray], value: int) -> None:
        for outline in outlines:
            cv2.fillPoly(plane, [self.fixed(outline)], value, cv2.LINE_AA, _BITS)

    def lines(self, plane: np.ndarray, paths: np.ndarray, value: int, width_um: float, closed: bool = False) -> None:
        """Paths of shape (n, points, 2)."""
        if len(paths):
            width = max(1, round(width_um / self.window.mpp))
            fixed = self.fixed(paths.reshape(-1, 2)).reshape(paths.shape)
            cv2.polylines(plane, list(fixed), closed, value, width, cv2.LINE_AA, _BITS)

    def ellipses(self, plane: np.ndarray, rows: np.ndarray, value: int, grow: float = 0.0, width: int = -1) -> None:
        """Rows of x, y, long half axis, short half axis, angle, all µm and radians."""
        centres = self.fixed(rows[:, :2])
        half_px = 0.5 if width < 0 else 0.0  # OpenCV fills half a pixel beyond the line
        axes = np.round(((rows[:, 2:4] + grow) / self.window.mpp - half_px).clip(0.3) * (1 << _BITS)).astype(int)
        degrees = np.degrees(rows[:, 4])
        for (x, y), (a, b), turn in zip(centres.tolist(), axes.tolist(), degrees.tolist(), strict=True):
            cv2.ellipse(plane, (x, y), (a, b), turn, 0, 360, value, width, cv2.LINE_AA, _BITS)

    def touching(self, outlines: list[np.ndarray]) -> list[np.ndarray]:
        """Those outlines whose bounding box touches the window."""
        x0, y0 = self.window.origin_um
        x1, y1 = x0 + self.window.width * self.window.mpp, y0 + self.window.height * self.window.mpp
        kept = []
        for outline in outlines:
            low, high = outline.min(axis=0), outline.max(axis=0)
            if low[0] < x1 and high[0] > x0 and low[1] < y1 and high[1] > y0:
                kept.append(outline)
        return kept


def margin_px(mpp: float) -> int:
    """Margin in pixels, see MARGIN_UM."""
    return int(np.ceil(MARGIN_UM / mpp))


def paint(scene: Scene, window: Window) -> Painted | None:
    """Paint a window (with its margin already in it); None where there is only glass."""
    canvas = _Canvas(window)
    seed = scene.recipe.seed
    tissue = canvas.plane()
    canvas.fill(tissue, canvas.touching(list(scene.outlines)), 255)
    if not tissue.any():
        return None
    warp = _warp_maps(window, seed)
    dye = np.zeros((4, *canvas.shape), np.float32)
    channel, congested = _sinusoids(canvas, scene, warp, seed)
    dye[CYTOPLASM] = _cytoplasm(canvas, scene, warp, seed)
    dye[CYTOPLASM] *= 1 - 0.93 * channel
    dye[RED_CELL] = congested * channel
    # the thin lining, and a trace of plasma inside
    lining = 4 * channel * (1 - channel)
    dye[COLLAGEN] = 0.38 * lining + 0.06 * channel
    dye[NUCLEUS] = 0.10 * lining
    nuclei = _stamp_nuclei(canvas, scene)
    _ballooned(canvas, scene, dye, seed)
    fat = _droplets(canvas, scene, dye)
    _matrix(canvas, scene, dye, nuclei, fat, seed)
    _vessels(canvas, scene, dye, nuclei, fat, seed)
    grain = texture("grain", window, seed)
    dye[CYTOPLASM] *= 1 - 0.25 * nuclei
    dye[COLLAGEN] *= 1 - 0.7 * nuclei
    dye[NUCLEUS] = np.maximum(dye[NUCLEUS], nuclei * (1 + 0.10 * grain))
    # the nuclear dye tints cytoplasm too, in fine clods of ribosomes (basophilia)
    speck = texture("speck", window, seed + 3)
    dye[NUCLEUS] += dye[CYTOPLASM] * np.clip(0.085 + 0.035 * speck + 0.10 * grain, 0, 0.5)
    edge = _ragged(tissue, window, seed)
    dye *= edge
    return Painted(dye, (edge * 255).astype(np.uint8), np.where(edge > 0.5, fat, 0).astype(np.uint8))


def _warp_maps(window: Window, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where to read from so that straight strokes waver by about a µm."""
    rows, columns = np.arange(window.height, dtype=np.float32), np.arange(window.width, dtype=np.float32)
    reach = np.float32(1.0 / window.mpp)
    return (
        columns[None, :] + reach * texture("warp_x", window, seed),
        rows[:, None] + reach * texture("warp_y", window, seed),
    )


def _bend(plane: np.ndarray, warp: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return cv2.remap(plane, warp[0], warp[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _sinusoids(
    canvas: _Canvas, scene: Scene, warp: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The channels (0-1) and the red cells that fill some of them (0-1)."""
    window, mesh = canvas.window, scene.mesh
    near = np.flatnonzero(window.reaches(mesh.sinusoids[:, 2], 20))
    pieces, width = mesh.sinusoids[near], mesh.sinusoid_width[near]
    plane, red = canvas.plane(), canvas.plane()
    steps = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5, 8.0])
    nearest = np.abs(width[:, None] - steps).argmin(axis=1)
    for index, step in enumerate(steps):
        canvas.lines(plane, pieces[nearest == index], 255, float(step))
    congestion = scene.recipe.rng("congestion").uniform(0.12, 0.42)
    # which pieces hold blood goes by a slow wave over the slide, so that filled pieces join
    middle = pieces[:, 2]
    wave = np.sin(middle @ np.array([0.043, 0.031]) + seed) + np.sin(middle @ np.array([-0.027, 0.057]) + 2 * seed)
    filled = (wave + 1.6 * np.sin(near * 12.9898)) / 3.6 > 1 - 1.9 * congestion
    canvas.lines(red, pieces[filled], 255, 7.0)
    soft = cv2.GaussianBlur(_bend(plane, warp), (0, 0), 0.75 / window.mpp).astype(np.float32) / 255
    soft += 0.10 * texture("blotch", window, seed + 1)
    channel = np.clip((soft - 0.40) / 0.25, 0, 1)
    blood = cv2.GaussianBlur(_bend(red, warp), (0, 0), 0.6 / window.mpp).astype(np.float32) / 255
    blood *= np.clip(
        0.75 + 0.35 * texture("blotch", window, seed + 2) + 0.12 * texture("speck", window, seed + 2), 0, 1.15
    )
    return channel, blood


def _cytoplasm(canvas: _Canvas, scene: Scene, warp: tuple[np.ndarray, np.ndarray], seed: int) -> np.ndarray:
    """Cells of slightly different tone, granular, with thin borders."""
    window, cells, mesh = canvas.window, scene.cells, scene.mesh
    near = np.flatnonzero(window.reaches(cells.xy, 30))
    tone = np.full(canvas.shape, 128, np.uint8)
    levels = np.clip(np.round(cells.tone[near] * 16), 4, 31).astype(int)
    for level in np.unique(levels):
        polygons = [
            canvas.fixed(mesh.corners[mesh.start[k] : mesh.start[k + 1]])
            for k in near[levels == level]
            if mesh.start[k + 1] > mesh.start[k]
        ]
        if polygons:
            cv2.fillPoly(tone, polygons, int(level) * 8, cv2.LINE_8, _BITS)
    border = canvas.plane()
    canvas.lines(border, mesh.borders[window.reaches(mesh.borders.mean(axis=1), 25)], 255, 0.6)
    density = cv2.GaussianBlur(_bend(tone, warp), (0, 0), 0.7 / window.mpp).astype(np.float32) / 128
    line = cv2.GaussianBlur(_bend(border, warp), (0, 0), 0.38 / window.mpp).astype(np.float32) / 255
    coarse = _granularity(scene)
    speck = texture("speck", window, seed)
    clods = 0.17 * texture("grain", window, seed) + 0.7 * coarse * speck
    clods += 0.09 * texture("blotch", window, seed) + 0.05 * texture("patch", window, seed)
    glycogen = np.clip(
        1.0 + 0.7 * texture("patch", window, seed + 12) + 0.4 * texture("blotch", window, seed + 12), 0, 2.5
    )
    clods -= 0.40 * glycogen * np.clip((speck - 0.9) * 1.6, 0, 1)  # tiny clear vacuoles
    density *= np.clip(1 + clods, 0.25, 1.8) * (1 + 0.05 * texture("slow", window, seed))
    pale = cv2.GaussianBlur(line, (0, 0), 1.2 / window.mpp)  # organelles keep off the membrane
    line *= np.clip(
        0.95 + 0.45 * texture("blotch", window, seed + 13) + 0.3 * texture("patch", window, seed + 13), 0.1, 1.6
    )
    return density * (1 - 0.8 * np.minimum(pale, 0.5)) + 1.5 * line


def _granularity(scene: Scene) -> float:
    """How coarse the cytoplasm's grain is; the patient's own."""
    return float(scene.recipe.patient_rng("granularity").uniform(0.13, 0.24))


def _stamp_nuclei(canvas: _Canvas, scene: Scene) -> np.ndarray:
    """Nuclei (0-1); where two touch, the denser one shows."""
    window, nuclei = canvas.window, scene.nuclei
    sprites = nucleus_sprites(window.mpp)
    plane = canvas.plane()
    height, width = canvas.shape
    y0 = window.origin_um[1]
    first, last = np.searchsorted(nuclei.xy[:, 1], [y0, y0 + height * window.mpp])
    centres = np.round(window.to_px(nuclei.xy[first:last])).astype(int)
    kinds, variants = nuclei.kind[first:last], nuclei.variant[first:last]
    near = np.flatnonzero((centres[:, 0] >= 0) & (centres[:, 0] < width))
    for (x, y), kind, variant in zip(
        centres[near].tolist(), kinds[near].tolist(), variants[near].tolist(), strict=True
    ):
        sprite = sprites[kind][variant]
        half = len(sprite) // 2
        if half <= x < width - half and half <= y < height - half:
            view = plane[y - half : y + half + 1, x - half : x + half + 1]
            np.maximum(view, sprite, out=view)
    return plane.astype(np.float32) / 255


def _ballooned(canvas: _Canvas, scene: Scene, dye: np.ndarray, seed: int) -> None:
    """Swollen round cells: rarefied, wispy cytoplasm, a crisp border, in some of them Mallory-Denk bodies."""
    window = canvas.window
    cells = scene.ballooned[window.reaches(scene.ballooned[:, :2], 26)]
    if not len(cells):
        return
    inside, rim, ropes = canvas.plane(), canvas.plane(), canvas.plane()
    for x, y, radius in cells:
        rng = np.random.default_rng([int(x * 10), int(y * 10)])
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        reach = radius * (1 + 0.05 * np.sin(2 * turn + rng.uniform(0, 6)) + 0.04 * np.sin(3 * turn + rng.uniform(0, 6)))
        outline = np.array([x, y]) + reach[:, None] * np.c_[np.cos(turn), np.sin(turn)]
        canvas.fill(inside, [outline], 255)
        canvas.lines(rim, outline[None], 255, 0.9, closed=True)
        if rng.random() < 0.55:
            canvas.lines(ropes, _mallory_denk(np.array([x, y]), radius, rng), 255, 1.6)
    cover = cv2.GaussianBlur(inside, (0, 0), 0.5 / window.mpp).astype(np.float32) / 255
    strands = np.abs(texture("blotch", window, seed + 5)) + 0.35 * np.abs(texture("speck", window, seed + 5))
    wisps = 0.10 + 0.42 * np.exp(-((strands / 0.34) ** 2)) + 0.05 * texture("grain", window, seed)
    dye[CYTOPLASM] += cover * (np.clip(wisps, 0.03, 1) - dye[CYTOPLASM])
    dye[CYTOPLASM] += 0.40 * cv2.GaussianBlur(rim, (0, 0), 0.4 / window.mpp).astype(np.float32) / 255
    rope = cv2.GaussianBlur(ropes, (0, 0), 0.5 / window.mpp).astype(np.float32) / 255
    dye[CYTOPLASM] += 1.05 * rope
    dye[RED_CELL] *= 1 - cover
    dye[COLLAGEN] *= 1 - cover


def _mallory_denk(centre: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """One to three ropy bodies beside the nucleus, shape (n, 9, 2)."""
    bodies = []
    for _ in range(int(rng.integers(1, 4))):
        turn = rng.uniform(0, 2 * np.pi)
        start = centre + 0.48 * radius * np.array([np.cos(turn), np.sin(turn)])
        bodies.append(start + np.cumsum(rng.normal(0, 1.15, (9, 2)), axis=0))
    return np.array(bodies)


def _droplets(canvas: _Canvas, scene: Scene, dye: np.ndarray) -> np.ndarray:
    """Fat was dissolved by the solvent, so it is a hole with a thin rim; out of focus, a pale one. Returns its mask."""
    window = canvas.window
    near = window.reaches(scene.droplets[:, :2], 20)
    rows, haze = scene.droplets[near], scene.haze[near]
    fat = canvas.plane()
    if not len(rows):
        return fat
    sharp, hazy, rim = canvas.plane(), canvas.plane(), canvas.plane()
    large = rows[:, 2] > 3
    canvas.ellipses(rim, rows[large & (haze < 0.6)], 255, grow=0.9)
    canvas.ellipses(sharp, rows[haze == 0], 255)
    canvas.ellipses(hazy, rows[haze > 0], 240)
    canvas.ellipses(fat, rows, 255)
    dye[CYTOPLASM] += 0.55 * cv2.GaussianBlur(rim, (0, 0), 0.5 / window.mpp).astype(np.float32) / 255
    hole = np.maximum(
        cv2.GaussianBlur(sharp, (0, 0), 0.35 / window.mpp), cv2.GaussianBlur(hazy, (0, 0), 2.4 / window.mpp)
    )
    dye *= 1 - 0.99 * (hole.astype(np.float32) / 255)
    return fat


def _matrix(canvas: _Canvas, scene: Scene, dye: np.ndarray, nuclei: np.ndarray, fat: np.ndarray, seed: int) -> None:
    """Portal tracts and septa: collagen in strands instead of parenchyma."""
    window = canvas.window
    outlines = canvas.touching([*(t.outline for t in scene.lobules.tracts), *scene.lobules.septa])
    if not outlines:
        return
    plane = canvas.plane()
    canvas.fill(plane, outlines, 255)
    soft = cv2.GaussianBlur(plane, (0, 0), 1.6 / window.mpp).astype(np.float32) / 255
    cover = np.clip((soft + 0.12 * texture("blotch", window, seed + 7) - 0.35) / 0.3, 0, 1)
    strands = texture("fibre", window, seed)
    fibres = np.clip(0.66 + 0.14 * strands + 0.12 * texture("patch", window, seed + 7), 0.08, 1.4)
    fibres *= np.clip(1 + 0.20 * texture("speck", window, seed + 7), 0.3, 2)
    dye *= 1 - cover
    dye[COLLAGEN] += cover * fibres
    dye[CYTOPLASM] += cover * np.clip(0.16 + 0.08 * strands, 0, 1)
    fat[cover > 0.5] = 0


def _vessels(canvas: _Canvas, scene: Scene, dye: np.ndarray, nuclei: np.ndarray, fat: np.ndarray, seed: int) -> None:
    """Lumens with their walls: veins with blood in them, thick arteries, ducts with their epithelium."""
    window, lobules = canvas.window, scene.lobules

    def near(ring: Ring) -> bool:
        return bool(window.reaches(np.array([[ring.x, ring.y]]), 3 * ring.radius + 15)[0])

    veins = [ring for ring in (*lobules.veins, *(t.vein for t in lobules.tracts)) if near(ring)]
    ducts = [ring for tract in lobules.tracts for ring in tract.ducts if near(ring)]
    arteries = [ring for tract in lobules.tracts for ring in tract.arteries if near(ring)]
    if not (veins or ducts or arteries):
        return
    wall, muscle, epithelium, lumen, blood = (canvas.plane() for _ in range(5))
    canvas.fill(wall, [v.outline(v.wall) for v in veins], 255)
    canvas.fill(muscle, [a.outline(a.wall) for a in arteries], 255)
    canvas.fill(epithelium, [d.outline(d.wall) for d in ducts], 255)
    canvas.fill(lumen, [ring.outline() for ring in (*veins, *ducts, *arteries)], 255)
    for ring in (*veins, *arteries):
        canvas.ellipses(blood, _red_cells(ring), 255)
    soft = {
        name: cv2.GaussianBlur(plane, (0, 0), 0.6 / window.mpp).astype(np.float32) / 255
        for name, plane in (("wall", wall), ("muscle", muscle), ("epithelium", epithelium), ("lumen", lumen))
    }
    fibre = np.clip(0.75 + 0.2 * texture("speck", window, seed + 8), 0.2, 1.3)
    body = np.maximum(np.maximum(soft["wall"], soft["muscle"]), soft["epithelium"])
    dye *= 1 - body
    dye[COLLAGEN] += soft["wall"] * fibre * 0.8 + soft["muscle"] * fibre * 0.25
    dye[CYTOPLASM] += soft["muscle"] * fibre * 0.85 + soft["epithelium"] * fibre * 0.55
    open_ = 1 - 0.98 * soft["lumen"]
    dye *= open_
    nuclei *= 1 - 0.97 * soft["lumen"]
    cells = cv2.GaussianBlur(blood, (0, 0), 0.5 / window.mpp).astype(np.float32) / 255
    dye[RED_CELL] += cells * soft["lumen"] * np.clip(0.8 + 0.18 * texture("blotch", window, seed + 9), 0, 1.2)
    fat[body > 0.5] = 0


def _red_cells(ring: Ring) -> np.ndarray:
    """Red cells in a vessel: some vessels empty, some with a clump along one side. Rows as for ellipses."""
    rng = np.random.default_rng([int(abs(ring.x) * 10), int(abs(ring.y) * 10)])
    filling = rng.choice([0.0, 0.15, 0.35, 0.8], p=[0.35, 0.3, 0.2, 0.15])
    count = int(filling * ring.radius**2 * np.pi / 18)
    if not count:
        return np.zeros((0, 5))
    side = rng.uniform(0, 2 * np.pi)
    spread = ring.radius * (0.35 + 0.4 * filling)
    at = np.array([ring.x, ring.y]) + 0.4 * ring.radius * np.array([np.cos(side), np.sin(side)]) * (filling < 0.5)
    at = at + rng.normal(0, spread, (count, 2))
    inside = np.hypot(at[:, 0] - ring.x, at[:, 1] - ring.y) < ring.radius * np.sqrt(ring.stretch)
    at = at[inside]
    return np.c_[at, rng.uniform(2.5, 3.3, len(at)), rng.uniform(1.9, 2.9, len(at)), rng.uniform(0, np.pi, len(at))]


def _ragged(tissue: np.ndarray, window: Window, seed: int) -> np.ndarray:
    """The tissue's mask with a torn edge, 0-1."""
    soft = cv2.GaussianBlur(tissue, (0, 0), 3.0 / window.mpp).astype(np.float32) / 255
    tear = 0.13 * texture("patch", window, seed + 11) + 0.09 * texture("blotch", window, seed + 11)
    torn = np.where((soft > 0) & (soft < 1), soft + tear, soft)  # only at the edge: windows without one look the same
    return np.clip((torn - 0.4) / 0.15, 0, 1).astype(np.float32)
