;; Encodes a block in base64, twelve octets at a time. base64-lines.ts says the same in JavaScript.
(module
  ;; The content from offset 0, its lines behind it.
  (memory (export "memory") 2)

  ;; Writes the content from 0 to $end as lines from $o, each with its CRLF. A line holds $lineOctets, a multiple of 3.
  ;; Two octets of 0 stand at $end. It writes up to 16 octets behind the last line, all of which may be lost; where that
  ;; line is short, its CRLF stands where a full one would end.
  (func (export "run") (param $end i32) (param $o i32) (param $lineOctets i32)
    (local $i i32) (local $lineEnd i32) (local $lineLetters i32) (local $to i32)
    (local $octets v128) (local $sextets v128)
    (local $order v128) (local $inner v128) (local $places v128) (local $last v128)
    (local $offsets v128) (local $digits v128) (local $capitals v128)
    ;; Named here, since the engine would make each constant anew in every round.
    (local.set $order (v128.const i8x16 2 1 1 0 5 4 4 3 8 7 7 6 11 10 10 9))
    (local.set $inner (i32x4.splat (i32.const 0x03f00fc0)))
    (local.set $places (i32x4.splat (i32.const 0x00100400)))
    (local.set $last (i32x4.splat (i32.const 0x3f000000)))
    (local.set $offsets (v128.const i8x16 65 71 -4 -4 -4 -4 -4 -4 -4 -4 -4 -4 -19 -16 0 0))
    (local.set $digits (i8x16.splat (i32.const 51)))
    (local.set $capitals (i8x16.splat (i32.const 25)))
    (local.set $lineLetters (i32.shl (i32.div_u (local.get $lineOctets) (i32.const 3)) (i32.const 2)))
    (loop $line
      (local.set $lineEnd (i32.add (local.get $i) (local.get $lineOctets)))
      (if (i32.gt_u (local.get $lineEnd) (local.get $end)) (then (local.set $lineEnd (local.get $end))))
      (local.set $to (local.get $o))
      (loop $group
        ;; Three octets a, b, c in each lane of 32 bits as c b b a, the lowest first.
        (local.set $octets (i8x16.swizzle (v128.load (local.get $i)) (local.get $order)))
        ;; Four values of 6 bits, each in an octet of its own: the first moves down, the last up, and those between
        ;; are multiplied to their places and added.
        (local.set $sextets
          (v128.or
            (v128.or
              (i32x4.shr_u (local.get $octets) (i32.const 26))
              (v128.and (i32x4.shl (local.get $octets) (i32.const 24)) (local.get $last)))
            (i32x4.dot_i16x8_s (v128.and (local.get $octets) (local.get $inner)) (local.get $places))))
        ;; What is added to a value to make it a letter: for 0 to 25 lane 0 of the offsets, for 26 to 51 lane 1, for
        ;; each higher one a lane of its own.
        (v128.store (local.get $to)
          (i8x16.add
            (local.get $sextets)
            (i8x16.swizzle
              (local.get $offsets)
              (i8x16.sub
                (i8x16.sub_sat_u (local.get $sextets) (local.get $digits))
                (i8x16.gt_s (local.get $sextets) (local.get $capitals))))))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 12)))
        (br_if $group (i32.lt_u (local.get $i) (local.get $lineEnd))))
      ;; The last group of a line may run over its end.
      (i32.store16 (local.tee $o (i32.add (local.get $o) (local.get $lineLetters))) (i32.const 0x0a0d))
      (local.set $o (i32.add (local.get $o) (i32.const 2)))
      (local.set $i (local.get $lineEnd))
      (br_if $line (i32.lt_u (local.get $i) (local.get $end))))))
