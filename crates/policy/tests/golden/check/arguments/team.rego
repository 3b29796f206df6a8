package team

limit(one, two, three) if one + two > three
