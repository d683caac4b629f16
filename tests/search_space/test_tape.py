"""What a tape keeps and holds at its peak, against sums done by hand."""

from __future__ import annotations

from search_space.tape import FLOAT, INDEX, LAYOUTS, Held, Tape, peaks

SIZE = (4, 6)
PIXELS = 24
HALF = 2 * 3


def test_a_convolution_with_norm_and_relu_keeps_two_maps() -> None:
    """What the norm reads and what the ReLU puts out; the source is its maker's."""
    tape = Tape()
    piece = tape.piece(tape.conv_norm_relu(tape.source(3, SIZE), 5, 3))
    map_bytes = 5 * PIXELS * FLOAT
    assert (piece.parameters, piece.macs) == (3 * 5 * 9 + 2 * 5, 3 * 5 * 9 * PIXELS)
    assert (piece.channels, piece.size, piece.held.bytes) == (5, SIZE, map_bytes)
    assert piece.held.kept == 2 * map_bytes
    # The ReLU's gradient while all is kept; later less, and the kernel's gradient on its way.
    later = (3 - 2 * 5) * PIXELS * FLOAT, 3 * 5 * 9 * FLOAT * LAYOUTS
    assert piece.held.moments == ((map_bytes, 0), later)


def test_a_source_that_its_maker_lets_go_is_kept_by_the_first_reader_alone() -> None:
    tape = Tape()
    x = tape.source(2, SIZE, kept=False)
    tape.conv(x, 1, 1)
    piece = tape.piece(tape.conv(x, 1, 1))
    assert piece.held.kept == 2 * PIXELS * FLOAT


def test_a_stride_halves_rounding_up() -> None:
    tape = Tape()
    assert tape.conv(tape.source(1, (5, 8)), 1, 3, stride=2).size == (3, 4)


def test_a_pool_keeps_positions_and_what_it_reads() -> None:
    tape = Tape()
    piece = tape.piece(tape.pool(tape.source(2, SIZE, kept=False)))
    assert piece.held.kept == 2 * (PIXELS * FLOAT + HALF * INDEX)


def test_a_dropout_keeps_a_mask_and_a_resizing_or_joining_nothing() -> None:
    tape = Tape()
    x = tape.source(2, SIZE)
    y = tape.cat(tape.resize(x, (9, 9)), tape.resize(x, (9, 9)))
    assert (y.channels, y.size) == (4, (9, 9))
    assert tape.piece(y).held.kept == 0
    assert tape.piece(tape.dropout(y)).held.kept == y.bytes


def test_an_image_gets_no_gradient() -> None:
    held = []
    for image in (False, True):
        tape = Tape()
        held.append(tape.piece(tape.conv(tape.source(9, SIZE, image=image), 1, 1)).held)
    assert held[0].moments == ((9 * PIXELS * FLOAT, 9 * FLOAT),)
    assert held[1].moments == ((0, 9 * FLOAT),)


def held(size: int, kept: int = 0, transient: int = 0, fixed: int = 0) -> Held:
    return Held(size, kept, ((transient, fixed),))


def test_the_peak_of_a_chain_is_where_most_is_kept_and_on_its_way() -> None:
    first, second = held(10, 100), held(40, 7, 10)
    # At the second: 107 kept, the gradient of 40, and the one of 10 that it makes.
    assert peaks([((), first, False), ((0,), second, False)]) == ((157, 0),)


def test_the_peak_can_be_at_the_first_step() -> None:
    steps = [((), held(10, 100, 500), False), ((0,), held(40, 7, 10), False)]
    assert peaks(steps) == ((100 + 10 + 500, 0),)


def test_where_less_is_held_for_an_image_more_can_be_held_for_a_batch() -> None:
    """Three moments: the last step's is most for an image, the first's for few images, and the
    one between exceeds neither."""
    steps = [
        ((), held(10, 100, 0, 900), False),
        ((0,), held(10, 5, 0, 300), False),
        ((1,), held(10, 5, 70, 400), False),
    ]
    assert peaks(steps) == ((190, 400), (110, 900))


def test_a_skipped_gradient_waits_until_its_step_has_run() -> None:
    chain = [((), held(10), False), ((0,), held(10), False), ((1,), held(10), False)]
    # The last also reads the first: that gradient waits while the second runs.
    late = [chain[0], ((0,), held(10, 0, 5), False), ((0, 1), held(10), False)]
    assert peaks(chain) == ((10, 0),)
    assert peaks(late) == ((10 + 10 + 5, 0),)


def test_the_parts_of_a_sum_share_one_gradient() -> None:
    parts = [((), held(10), False), ((), held(10, 0, 3), False)]
    last = ((2,), held(10), False)
    apart, shared = ([*parts, ((0, 1), held(10), shares), last] for shares in (False, True))
    assert peaks(apart) == ((20 + 3, 0),)
    assert peaks(shared) == ((10 + 3, 0),)
