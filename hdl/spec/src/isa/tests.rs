//! Every instruction survives encoding, fields do not overlap, the unknown is refused.

use super::*;

#[test]
fn every_instruction_survives_encoding() {
    let vector = Vector {
        head: true,
        n: 513,
        rep: 12,
        a_kind: AKind::Acc,
        a: 65535,
        rotate: true,
        m_kind: MKind::Cmem,
        m: 77,
        m_stride: 255,
        imm_m: 1.5,
        func: Func::Rsqrt,
        zop: ZOp::Square,
        b_kind: BKind::Sreg,
        b: 300,
        b_inc: true,
        imm_b: 0xdead_beef,
        dst_kind: DstKind::Logits,
        dst: 1,
        reduce_max: Some(9),
        reduce_sum: Some(255),
        part: true,
        after: 63,
        addr: u32::MAX,
        m_inc: true,
    };
    let all = [
        Instruction::End { body: true },
        Instruction::Load { words: 3, dst: 9, beside: true },
        Instruction::Gather {
            words: 8,
            by_position: true,
            shared: true,
            dst: 4,
            row_stride: 8,
            addr: 1 << 31,
            stride: 16,
        },
        Instruction::Matmul { blocks: 384, chunks: 7, planes: 4, dst: 96, beside: true },
        Instruction::Vector(vector),
        Instruction::Vector(Vector::default()),
        Instruction::Attn {
            passes: 2,
            segments: 4,
            window: 65535,
            scale: 1,
            smax: 2,
            ssum: 3,
            addr: 5,
            beside: true,
            queries: 48,
        },
    ];
    for i in all {
        assert_eq!(Instruction::decode(&i.encode()), Ok(i));
    }
    let pass = Pass { kv_head: 3, heads: vec![0, 7, 255, 1, 9] };
    assert_eq!(Pass::decode(&pass.encode()), pass);
}

#[test]
fn fields_do_not_overlap() {
    use field::*;
    let vector = [
        OP, HEAD, BESIDE, AFTER, N, A, B, M, DST, REP, SMAX, SSUM, M_STRIDE, IMM_M, A_KIND, ROTATE, M_KIND,
        M_INC, FN, ZOP, B_KIND, B_INC, DST_KIND, REDUCE_MAX, REDUCE_SUM, PART, IMM_B, ADDR,
    ];
    let mut used = [0u32; 8];
    for f in vector {
        let bits = f.mask() << f.lo;
        assert_eq!(used[f.word] & bits, 0, "{f:?}");
        used[f.word] |= bits;
    }
}

#[test]
fn unknown_operations_are_refused() {
    let mut bytes = Instruction::End { body: false }.encode();
    bytes[0] = 77;
    assert_eq!(Instruction::decode(&bytes), Err(77));
}
