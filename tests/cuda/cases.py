"""What the tests of evolution on the device share."""

from genomes.population import CONNECTION_GENES, NODE_GENES


def assert_same_population(found, expected):
    """The same genes, bit for bit, wherever they are."""
    found, expected = found.to("cpu"), expected.to("cpu")
    for name in ("node_start", "conn_start", *NODE_GENES, *CONNECTION_GENES):
        a, b = getattr(found, name), getattr(expected, name)
        assert (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes(), name
