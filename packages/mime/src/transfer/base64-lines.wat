;; Encodes a block in base64, twelve octets at a time. base64-lines.ts says the same in JavaScript.
(module
  ;; The content from offset 0, its lines behind it.
  (memory (export "memory") 2)

  ;; Writes the content from 0 to $end as lines from $o, each with its CRLF. A line holds $lineOctets, a multiple of 3.
  ;; Two octets of 0 stand at $end. It writes up to 16 octets behind the last line, all of which may be lost.
  (func (export "run") (param $end i32) (param $o i32) (param $lineOctets i32)
    (local $i i32) (local $lineEnd i32) (local $octets v128) (local $sextets v128)
    (local $first v128) (local $third v128) (local $others v128) (local $up v128)
    (local $offsets v128) (local $digits v128) (local $small v128) (local $capitals v128)
    ;; Named here, since the engine would make each constant anew in every round.
    (local.set $first (i32x4.splat (i32.const 0x0000fc00)))
    (local.set $third (i32x4.splat (i32.const 0x0fc00000)))
    (local.set $others (i32x4.splat (i32.const 0x003f03f0)))
    (local.set $up (i32x4.splat (i32.const 0x01000010)))
    (local.set $offsets (v128.const i8x16 71 -4 -4 -4 -4 -4 -4 -4 -4 -4 -4 -19 -16 65 0 0))
    (local.set $digits (i8x16.splat (i32.const 51)))
    (local.set $small (i8x16.splat (i32.const 26)))
    (local.set $capitals (i8x16.splat (i32.const 13)))
    (loop $line
      (local.set $lineEnd (i32.add (local.get $i) (local.get $lineOctets)))
      (if (i32.gt_u (local.get $lineEnd) (local.get $end)) (then (local.set $lineEnd (local.get $end))))
      (loop $group
        ;; Three octets a, b, c in each lane of 32 bits as b a c b, the lowest first.
        (local.set $octets (v128.load (local.get $i)))
        (local.set $octets
          (i8x16.shuffle 1 0 2 1 4 3 5 4 7 6 8 7 10 9 11 10 (local.get $octets) (local.get $octets)))
        ;; Four values of 6 bits, each in an octet of its own: the first and the third move down, the others up.
        (local.set $sextets
          (v128.or
            (v128.or
              (i32x4.shr_u (v128.and (local.get $octets) (local.get $first)) (i32.const 10))
              (i32x4.shr_u (v128.and (local.get $octets) (local.get $third)) (i32.const 6)))
            (i16x8.mul
              (v128.and (local.get $octets) (local.get $others))
              (local.get $up))))
        ;; What is added to a value to make it a letter: for 0 to 25 lane 13 of the offsets, for 26 to 51 lane 0, for each
        ;; higher one a lane of its own.
        (v128.store (local.get $o)
          (i8x16.add
            (local.get $sextets)
            (i8x16.swizzle
              (local.get $offsets)
              (v128.or
                (i8x16.sub_sat_u (local.get $sextets) (local.get $digits))
                (v128.and
                  (i8x16.lt_s (local.get $sextets) (local.get $small))
                  (local.get $capitals))))))
        (local.set $o (i32.add (local.get $o) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 12)))
        (br_if $group (i32.lt_u (local.get $i) (local.get $lineEnd))))
      ;; The last group of a line may run over its end: back by four letters for each three octets.
      (local.set $o
        (i32.sub
          (local.get $o)
          (i32.shl (i32.div_u (i32.sub (local.get $i) (local.get $lineEnd)) (i32.const 3)) (i32.const 2))))
      (i32.store16 (local.get $o) (i32.const 0x0a0d))
      (local.set $o (i32.add (local.get $o) (i32.const 2)))
      (local.set $i (local.get $lineEnd))
      (br_if $line (i32.lt_u (local.get $i) (local.get $end))))))
