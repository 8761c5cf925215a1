;; Encodes a block in quoted-printable, up to sixteen octets at a time. quoted-printable-block.ts says the same in
;; JavaScript, and what the parameters are.
(module
  ;; The content from offset 0, what it becomes behind it.
  (memory (export "memory") 2)

  (func (export "run") (param $end i32) (param $o i32) (param $full i32) (param $breaks i32) (result i32)
    (local $i i32) (local $octets v128) (local $room i32) (local $count i32)
    (loop $next
      ;; Literals and blanks: sixteen octets are copied, and those count that stand before the first other one and
      ;; that the line takes. The octet at $end is CR, so they end there.
      (v128.store (local.get $o) (local.tee $octets (v128.load (local.get $i))))
      (local.set $count
        (select
          (local.tee $count
            (i32.ctz
              (i32.or
                (i32.const 0x10000)
                (i8x16.bitmask
                  (v128.or
                    (i8x16.eq (local.get $octets) (i8x16.splat (i32.const 61)))
                    ;; Not from SP to `~`: 32 to 126 become -128 to -34. Comparison is cheap with a sign only.
                    (v128.andnot
                      (i8x16.gt_s
                        (i8x16.add (local.get $octets) (i8x16.splat (i32.const 96)))
                        (i8x16.splat (i32.const -34)))
                      (i8x16.eq (local.get $octets) (i8x16.splat (i32.const 9)))))))))
          (local.tee $room (i32.sub (local.get $full) (local.get $o)))
          (i32.lt_u (local.get $count) (local.get $room))))
      (local.set $i (i32.add (local.get $i) (local.get $count)))
      (local.set $o (i32.add (local.get $o) (local.get $count)))
      (br_if $next (i32.eq (local.get $count) (i32.const 16)))

      (if (i32.eq (local.get $i) (local.get $end))
        (then
          (return
            (i32.or
              (i32.shl (local.get $o) (i32.const 7))
              (i32.sub (local.get $full) (local.get $o))))))

      (block $newLine
        (if
          (i32.and
            (i32.ge_u (local.get $i) (local.get $breaks))
            (i32.or
              (i32.eq (local.tee $count (i32.load8_u (local.get $i))) (i32.const 13))
              (i32.eq (local.get $count) (i32.const 10))))
          (then
            (if
              (i32.and
                (i32.ne
                  (local.tee $count (i32.load8_u (i32.sub (local.get $o) (i32.const 1))))
                  (i32.const 32))
                (i32.ne (local.get $count) (i32.const 9)))
              (then
                ;; A line break: one octet, or two where CRLF stands.
                (local.set $i
                  (i32.add
                    (i32.add (local.get $i) (i32.const 1))
                    (i32.eq (i32.load16_u (local.get $i)) (i32.const 0x0a0d))))
                (br $newLine)))
            ;; RFC 2045 §6.7 rule 3: a blank before a line break is escaped, so back to it.
            (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            (local.set $o (i32.sub (local.get $o) (i32.const 1)))))

        (if
          (i32.ge_u (local.tee $room (i32.sub (local.get $full) (local.get $o))) (i32.const 3))
          (then
            ;; RFC 2045 §6.7 rule 1: the octet here is escaped, and up to four octets over 127 behind it, as the line
            ;; takes them. The mask has a one for the first place of these where that ends.
            (local.set $count
              (i32.ctz
                (i32.or
                  (i32.xor
                    (i32.and (i8x16.bitmask (local.tee $octets (v128.load (local.get $i)))) (i32.const 0x1e))
                    (i32.const 0x3e))
                  (i32.shl (i32.const 1) (i32.div_u (local.get $room) (i32.const 3))))))
            ;; Both halves of each octet, as digits, with `=` before each pair.
            (v128.store (local.get $o)
              (i8x16.shuffle 16 0 1 16 2 3 16 4 5 16 6 7 16 8 9 16
                (i8x16.swizzle
                  (v128.const i8x16 48 49 50 51 52 53 54 55 56 57 65 66 67 68 69 70)
                  (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23
                    (i8x16.shr_u (local.get $octets) (i32.const 4))
                    (v128.and (local.get $octets) (i8x16.splat (i32.const 15)))))
                (i8x16.splat (i32.const 61))))
            (local.set $i (i32.add (local.get $i) (local.get $count)))
            (local.set $o (i32.add (local.get $o) (i32.mul (local.get $count) (i32.const 3))))
            (br $next)))

        ;; RFC 2045 §6.7 rule 5: a soft line break. What had no room is looked at again.
        (i32.store8 (local.get $o) (i32.const 61))
        (local.set $o (i32.add (local.get $o) (i32.const 1))))

      (i32.store16 (local.get $o) (i32.const 0x0a0d))
      (local.set $full (i32.add (local.tee $o (i32.add (local.get $o) (i32.const 2))) (i32.const 75)))
      (br $next))
    unreachable))
