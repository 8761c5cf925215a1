;; Looks for what has to change before a block of content may be sent as text, sixteen octets at a time.
;; vector-scan.ts puts the octets into the memory and reads the findings out of it; word-scan.ts says the same in
;; JavaScript.
;;
;; Memory, by offset:
;;   0      how many octets the line ends lack to be CRLF
;;   4      not 0 where an octet has its high bit set
;;   8      how many lines begin with a dot
;;   15     the octet before the block, LF before the first one
;;   16     the block of up to 16,384 octets, behind its end 16 of 0
;;   16416  where in the block lines begin with a dot, in four octets each; every other octet at most can be one
(module
  (memory (export "memory") 1)

  ;; Looks at the octets from 0 to $end of the block, at one group at least. A lone CR is found at the octet behind it.
  (func (export "run") (param $end i32)
    (local $at i32) (local $lacking i32) (local $dots i32) (local $starts i32)
    (local $octets v128) (local $before v128) (local $afterCr v128) (local $bits v128)
    (local $cr v128) (local $lf v128) (local $dot v128)
    (local.set $cr (i8x16.splat (i32.const 13)))
    (local.set $lf (i8x16.splat (i32.const 10)))
    (local.set $dot (i8x16.splat (i32.const 46)))
    (loop $next
      ;; Each octet, and in the same lane the one before it.
      (local.set $octets (v128.load offset=16 (local.get $at)))
      (local.set $before (v128.load offset=15 (local.get $at)))
      (local.set $bits (v128.or (local.get $bits) (local.get $octets)))

      ;; LF without CR before it, and what is no LF but has CR before it.
      (local.set $lacking
        (i32.add
          (local.get $lacking)
          (i32.popcnt
            (i8x16.bitmask
              (v128.xor
                (local.tee $afterCr (i8x16.eq (local.get $before) (local.get $cr)))
                (i8x16.eq (local.get $octets) (local.get $lf)))))))

      ;; A dot with CR or LF before it.
      (local.set $starts
        (i8x16.bitmask
          (v128.and
            (i8x16.eq (local.get $octets) (local.get $dot))
            (v128.or (local.get $afterCr) (i8x16.eq (local.get $before) (local.get $lf))))))
      (if (local.get $starts)
        (then
          (loop $more
            (i32.store offset=16416
              (i32.shl (local.get $dots) (i32.const 2))
              (i32.add (local.get $at) (i32.ctz (local.get $starts))))
            (local.set $dots (i32.add (local.get $dots) (i32.const 1)))
            ;; Without its lowest bit.
            (br_if $more
              (local.tee $starts
                (i32.and (local.get $starts) (i32.sub (local.get $starts) (i32.const 1))))))))

      (br_if $next
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16)))
          (local.get $end))))
    (i32.store (i32.const 0) (local.get $lacking))
    (i32.store (i32.const 4) (i8x16.bitmask (local.get $bits)))
    (i32.store (i32.const 8) (local.get $dots))))
