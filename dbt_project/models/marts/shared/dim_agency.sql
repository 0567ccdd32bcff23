select agency_code, name_vi, field_vi, parent_vi, note from {{ ref("agencies") }}
