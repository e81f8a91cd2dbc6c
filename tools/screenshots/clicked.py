"""Ten photographs annotated by hand: which places were clicked, boxed and painted, in this order.

They were chosen by looking at the photograph and at each answer of the model. What it answered is no part of this file:
docs/clicked-by-hand.md tells what came out, and `python -m tools.screenshots.by_hand` does it all again.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.screenshots.hand import Act, box, brush, erase, exclude, include


@dataclass(frozen=True)
class Photograph:
    """A file of a package, and its objects: each as what was done to get it."""

    name: str
    package: str
    file: str
    objects: tuple[tuple[str, tuple[Act, ...]], ...]


PHOTOGRAPHS: tuple[Photograph, ...] = (
    Photograph(
        "coffee",
        "skimage",
        "data/coffee.png",
        (
            (
                "saucer",
                (
                    box(0.125, 0.15, 0.80, 0.97),
                    brush(32, (0.22, 0.28), (0.16, 0.45), (0.165, 0.62), (0.21, 0.76), (0.30, 0.88)),
                    brush(24, (0.45, 0.93), (0.58, 0.91), (0.70, 0.80), (0.765, 0.62), (0.76, 0.44)),
                    erase(48, (0.12, 0.30), (0.15, 0.21), (0.25, 0.14)),
                    erase(48, (0.125, 0.86), (0.20, 0.96)),
                    erase(44, (0.81, 0.82), (0.76, 0.93)),
                ),
            ),
            (
                "cup",
                (
                    box(0.285, 0.04, 0.69, 0.61),
                    brush(
                        40,
                        (0.345, 0.30),
                        (0.36, 0.44),
                        (0.42, 0.52),
                        (0.52, 0.53),
                        (0.61, 0.45),
                        (0.65, 0.30),
                    ),
                    brush(
                        14,
                        (0.31, 0.26),
                        (0.35, 0.13),
                        (0.44, 0.065),
                        (0.55, 0.06),
                        (0.63, 0.12),
                        (0.67, 0.22),
                    ),
                ),
            ),
            ("handle", (box(0.32, 0.57, 0.425, 0.78),)),
            (
                "spoon",
                (
                    box(0.535, 0.595, 0.68, 0.82),
                    brush(6, (0.625, 0.60), (0.655, 0.45), (0.68, 0.28), (0.69, 0.20)),
                ),
            ),
        ),
    ),
    Photograph(
        "cat",
        "skimage",
        "data/chelsea.png",
        (
            ("left eye", (box(0.295, 0.28, 0.46, 0.495),)),
            ("right eye", (box(0.65, 0.365, 0.765, 0.55),)),
            ("nose", (box(0.525, 0.755, 0.655, 0.885),)),
            ("ear", (box(0.73, 0.0, 0.87, 0.32), exclude(0.76, 0.27))),
        ),
    ),
    Photograph(
        "astronaut",
        "skimage",
        "data/astronaut.png",
        (
            ("badge", (include(0.33, 0.755),)),
            (
                "helmet",
                (
                    box(0.545, 0.67, 1.0, 1.0),
                    exclude(0.97, 0.71),
                    brush(18, (0.70, 0.70), (0.79, 0.69), (0.88, 0.74), (0.94, 0.83), (0.95, 0.92)),
                ),
            ),
            ("hair", (include(0.48, 0.08), include(0.34, 0.18), exclude(0.45, 0.26))),
            (
                "shuttle",
                (
                    box(0.69, 0.0, 0.90, 0.57),
                    exclude(0.72, 0.06),
                    brush(18, (0.76, 0.14), (0.76, 0.30), (0.75, 0.42), (0.73, 0.42)),
                ),
            ),
            ("name tag", (include(0.59, 0.70),)),
        ),
    ),
    Photograph(
        "rocket",
        "skimage",
        "data/rocket.jpg",
        (
            ("rocket", (box(0.48, 0.29, 0.53, 0.96), brush(18, (0.505, 0.335), (0.505, 0.42)))),
            ("left mast", (box(0.265, 0.44, 0.325, 0.94), exclude(0.275, 0.55), include(0.312, 0.65))),
            ("right mast", (box(0.685, 0.44, 0.745, 0.94), exclude(0.69, 0.6), include(0.71, 0.70))),
        ),
    ),
    Photograph(
        "photographer",
        "skimage",
        "data/camera.png",
        (
            (
                "coat",
                (include(0.20, 0.45), include(0.14, 0.66), include(0.50, 0.53), exclude(0.08, 0.25)),
            ),
            ("camera", (box(0.50, 0.265, 0.645, 0.36),)),
            ("tower", (box(0.80, 0.22, 0.85, 0.385),)),
            (
                "hair",
                (
                    box(0.305, 0.12, 0.53, 0.29),
                    brush(20, (0.36, 0.16), (0.45, 0.16), (0.51, 0.23)),
                    erase(16, (0.41, 0.31), (0.46, 0.29)),
                ),
            ),
        ),
    ),
    Photograph(
        "coins",
        "skimage",
        "data/coins.png",
        (
            ("first coin", (include(0.115, 0.18),)),
            ("large coin", (include(0.91, 0.61), exclude(0.99, 0.73))),
            ("dark coin", (include(0.45, 0.86),)),
            ("bright coin", (include(0.40, 0.42),)),
            ("coin at the edge", (include(0.93, 0.88), exclude(0.865, 0.88))),
        ),
    ),
    Photograph(
        "retina",
        "skimage",
        "data/retina.jpg",
        (
            ("fundus", (box(0.0, 0.0, 1.0, 1.0),)),
            (
                "optic disc",
                (box(0.14, 0.39, 0.235, 0.55), brush(84, (0.185, 0.44), (0.19, 0.475), (0.175, 0.46))),
            ),
            ("fovea", (brush(120, (0.49, 0.485), (0.51, 0.485)),)),
        ),
    ),
    Photograph(
        "portrait",
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        (
            (
                "hat",
                (
                    box(0.30, 0.03, 0.73, 0.26),
                    include(0.51, 0.12),
                    brush(16, (0.69, 0.17), (0.71, 0.21), (0.71, 0.26)),
                ),
            ),
            ("face", (box(0.31, 0.22, 0.73, 0.58), include(0.44, 0.325), include(0.60, 0.325))),
            ("name tag", (include(0.28, 0.835),)),
            ("ribbons", (box(0.625, 0.81, 0.89, 0.885), include(0.84, 0.855))),
        ),
    ),
    Photograph(
        "flower",
        "sklearn",
        "datasets/images/flower.jpg",
        (
            (
                "flower",
                (
                    box(0.26, 0.195, 0.70, 0.845),
                    include(0.42, 0.25),
                    brush(
                        28,
                        (0.50, 0.225),
                        (0.62, 0.30),
                        (0.67, 0.48),
                        (0.65, 0.64),
                        (0.58, 0.76),
                        (0.45, 0.81),
                    ),
                    brush(
                        28, (0.45, 0.80), (0.34, 0.72), (0.29, 0.58), (0.29, 0.44), (0.35, 0.30), (0.45, 0.24)
                    ),
                ),
            ),
            ("flower below", (box(0.455, 0.87, 0.73, 1.0),)),
            ("centre", (box(0.36, 0.36, 0.59, 0.66),)),
        ),
    ),
    Photograph(
        "pavilion",
        "sklearn",
        "datasets/images/china.jpg",
        (
            (
                "pavilion",
                (box(0.10, 0.06, 0.57, 0.97), include(0.35, 0.68), exclude(0.12, 0.93), exclude(0.13, 0.53)),
            ),
            ("roof", (box(0.14, 0.06, 0.51, 0.32), exclude(0.17, 0.12), exclude(0.46, 0.12))),
            ("tree", (box(0.85, 0.30, 1.0, 0.98), exclude(0.87, 0.35))),
            ("lake", (include(0.62, 0.64), exclude(0.62, 0.30), exclude(0.62, 0.80))),
        ),
    ),
)
