"""Vector code that Numba's loops do not give: sums over edges that stay in registers.

Generic LLVM vectors, so that any target compiles it. ``fmuladd`` is one rounding where the processor has fused
multiply-add and two where it has not; scalar and vector agree bit for bit on one machine.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,attr-defined"

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = [
    "BLOCK",
    "LANES",
    "add_to_lanes",
    "address_of",
    "fused_multiply_add",
    "interleave_four",
    "spread_back",
    "sum_lanes",
    "weighted_sum",
]

BLOCK = 128  # rows that are evaluated together
LANES = 16
_LANES = LANES
_VECTORS = BLOCK // _LANES

_FLOAT, _INT, _INDEX = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, _LANES)


@intrinsic
def fused_multiply_add(typing_context, a, b, c):
    """a * b + c of float32."""

    def codegen(context, builder, signature, arguments):
        return builder.call(_fmuladd(builder, _FLOAT, "f32"), arguments)

    return types.float32(types.float32, types.float32, types.float32), codegen


@intrinsic
def weighted_sum(typing_context, values, source, weight, begin, end, bias, target):
    """values[target, :] = bias + sum of weight[e] * values[source[e], :] over the edges begin <= e < end, in order.

    ``values`` is float32 [slots * BLOCK], a row of BLOCK values for each slot; ``source`` int32 and ``weight`` float32.
    """
    signature = types.void(values, source, weight, types.int64, types.int64, types.float32, types.int64)

    def codegen(context, builder, signature, arguments):
        arrays = zip(signature.args[:3], arguments[:3], strict=True)
        data, sources, weights = (context.make_array(kind)(context, builder, array).data for kind, array in arrays)
        begin, end, bias, target = arguments[3:]
        multiply_add = _fmuladd(builder, _VECTOR, f"v{_LANES}f32")

        entry = builder.block
        head, body, done = (builder.append_basic_block(name) for name in ("edges", "edge", "edges.done"))
        builder.branch(head)

        builder.position_at_end(head)
        edge = builder.phi(_INDEX)
        sums = [builder.phi(_VECTOR) for _ in range(_VECTORS)]
        builder.cbranch(builder.icmp_signed("<", edge, end), body, done)

        builder.position_at_end(body)
        row = _row(builder, data, builder.sext(builder.load(builder.gep(sources, [edge])), _INDEX))
        factor = _splat(builder, builder.load(builder.gep(weights, [edge])))
        next_sums = [
            builder.call(multiply_add, [factor, builder.load(vector, align=4), partial])
            for vector, partial in zip(row, sums, strict=True)
        ]
        next_edge = builder.add(edge, _INDEX(1))
        builder.branch(head)

        for phi, start, following in [(edge, begin, next_edge)] + [
            (phi, ir.Constant(_VECTOR, None), following) for phi, following in zip(sums, next_sums, strict=True)
        ]:
            phi.add_incoming(start, entry)
            phi.add_incoming(following, body)

        builder.position_at_end(done)
        offset = _splat(builder, bias)
        for vector, total in zip(_row(builder, data, target), sums, strict=True):
            builder.store(builder.fadd(offset, total), vector, align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def spread_back(typing_context, values, adjoint, source, weight, begin, end, delta, num_inputs, lanes, offset):
    """The way back through `weighted_sum`: from adjoint[delta, :] to the edges begin <= e < end and their sources.

    lanes[e + offset, :] += values[source[e], :] * adjoint[delta, :], summed over the rows of each lane
    adjoint[source[e], :] += weight[e] * adjoint[delta, :], unless the source is an input

    ``lanes`` is float32 [edges * LANES].
    """
    signature = types.void(
        values, adjoint, source, weight, types.int64, types.int64, types.int64, types.int64, lanes, types.int64
    )

    def codegen(context, builder, signature, arguments):
        data, adjoints, sources, weights, totals = (
            context.make_array(signature.args[k])(context, builder, arguments[k]).data for k in (0, 1, 2, 3, 8)
        )
        begin, end, delta, num_inputs = arguments[4:8]
        multiply_add = _fmuladd(builder, _VECTOR, f"v{_LANES}f32")
        factors = [builder.load(vector, align=4) for vector in _row(builder, adjoints, delta)]

        entry = builder.block
        head, body, inner, after, done = (
            builder.append_basic_block(name) for name in ("back", "back.edge", "back.inner", "back.next", "back.done")
        )
        builder.branch(head)

        builder.position_at_end(head)
        edge = builder.phi(_INDEX)
        edge.add_incoming(begin, entry)
        builder.cbranch(builder.icmp_signed("<", edge, end), body, done)

        builder.position_at_end(body)
        slot = builder.sext(builder.load(builder.gep(sources, [edge])), _INDEX)
        row = [builder.load(vector, align=4) for vector in _row(builder, data, slot)]
        chains = [builder.fmul(factors[k], row[k]) for k in range(2)]
        for k in range(2, _VECTORS):
            chains[k % 2] = builder.call(multiply_add, [factors[k], row[k], chains[k % 2]])
        _add_to(builder, totals, builder.add(edge, arguments[9]), builder.fadd(*chains))
        builder.cbranch(builder.icmp_signed(">=", slot, num_inputs), inner, after)

        builder.position_at_end(inner)
        factor = _splat(builder, builder.load(builder.gep(weights, [edge])))
        for vector, own in zip(_row(builder, adjoints, slot), factors, strict=True):
            builder.store(builder.call(multiply_add, [factor, own, builder.load(vector, align=4)]), vector, align=4)
        builder.branch(after)

        builder.position_at_end(after)
        edge.add_incoming(builder.add(edge, _INDEX(1)), after)
        builder.branch(head)

        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_to_lanes(typing_context, values, slot, lanes, index):
    """lanes[index, :] += values[slot, :], summed over the rows of each lane."""
    signature = types.void(values, types.int64, lanes, types.int64)

    def codegen(context, builder, signature, arguments):
        data, totals = (context.make_array(signature.args[k])(context, builder, arguments[k]).data for k in (0, 2))
        row = [builder.load(vector, align=4) for vector in _row(builder, data, arguments[1])]
        while len(row) > 1:
            row = [builder.fadd(row[k], row[k + 1]) for k in range(0, len(row), 2)]
        _add_to(builder, totals, arguments[3], row[0])
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def sum_lanes(typing_context, lanes, index):
    """Sum of lanes[index, :], by halves."""
    signature = types.float32(lanes, types.int64)

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        total = builder.load(_lanes_at(builder, data, arguments[1]), align=4)
        half = _LANES // 2
        while half:
            low, high = (_shuffle(builder, total, total, range(first, first + half)) for first in (0, half))
            total, half = builder.fadd(low, high), half // 2
        return builder.extract_element(total, _INT(0))

    return signature, codegen


@intrinsic
def interleave_four(typing_context, values, slots, out, stride):
    """out[r * stride + o] = values[slots[o], r] for four outputs o and the BLOCK rows r.

    ``slots`` are four int64; ``out`` float32, its first element the one of row 0 and output 0.
    """
    slot_type = types.UniTuple(types.int64, 4)
    signature = types.void(values, slot_type, types.CPointer(types.float32), types.int64)

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        slots = cgutils.unpack_tuple(builder, arguments[1], 4)
        out, stride = arguments[2:]
        quarter = ir.VectorType(_FLOAT, 4)
        rows = [_row(builder, data, slot) for slot in slots]
        for i in range(_VECTORS):
            a, b, c, d = (builder.load(row[i], align=4) for row in rows)
            for half in range(2):
                pairs = [(first, _LANES + first) for first in range(half * _LANES // 2, (half + 1) * _LANES // 2)]
                low, high = _shuffle(builder, a, b, sum(pairs, ())), _shuffle(builder, c, d, sum(pairs, ()))
                for lane in range(_LANES // 2):
                    two = 2 * lane
                    row = _shuffle(builder, low, high, (two, two + 1, _LANES + two, _LANES + two + 1))
                    index = i * _LANES + half * _LANES // 2 + lane
                    target = builder.gep(out, [builder.mul(stride, _INDEX(index))])
                    builder.store(row, builder.bitcast(target, quarter.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def address_of(typing_context, array, p, r, o):
    """Pointer to array[p, r, o] of a C-contiguous float32 array."""
    signature = types.CPointer(types.float32)(array, types.int64, types.int64, types.int64)

    def codegen(context, builder, signature, arguments):
        shaped = context.make_array(signature.args[0])(context, builder, arguments[0])
        _, rows, columns = cgutils.unpack_tuple(builder, shaped.shape, 3)
        index = builder.add(builder.mul(arguments[1], rows), arguments[2])
        return builder.gep(shaped.data, [builder.add(builder.mul(index, columns), arguments[3])])

    return signature, codegen


def _lanes_at(builder, data, index):
    """Pointer to row ``index`` of an array [rows * LANES]."""
    return builder.bitcast(builder.gep(data, [builder.mul(index, _INDEX(_LANES))]), _VECTOR.as_pointer())


def _add_to(builder, data, index, vector):
    """data[index, :] += vector."""
    target = _lanes_at(builder, data, index)
    builder.store(builder.fadd(builder.load(target, align=4), vector), target, align=4)


def _shuffle(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes)))


def _fmuladd(builder, kind, suffix):
    function = ir.FunctionType(kind, [kind, kind, kind])
    return cgutils.get_or_insert_function(builder.module, function, f"llvm.fmuladd.{suffix}")


def _row(builder, data, slot):
    """Pointers to the vectors of a slot's row."""
    first = builder.bitcast(builder.gep(data, [builder.mul(slot, _INDEX(BLOCK))]), _VECTOR.as_pointer())
    return [builder.gep(first, [_INDEX(i)]) for i in range(_VECTORS)]


def _splat(builder, value):
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    single = builder.insert_element(undefined, value, _INT(0))
    return builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(_INT, _LANES), None))
