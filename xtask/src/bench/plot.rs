//! Draws the families that have something on their x axis: libzmq, ours, the limit.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::measure::Row;
use super::report::with_unit;
use super::scenario::{Contender, Unit};

struct Series {
    contender: Contender,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

const SERIES: [(Contender, RGBColor); 3] = [
    (Contender::Libzmq, RGBColor(178, 88, 62)),
    (Contender::Ozmq, RGBColor(30, 110, 180)),
    (Contender::Limit, RGBColor(140, 140, 140)),
];

/// A plot that was written.
#[derive(Debug, PartialEq)]
pub struct Plot {
    pub family: String,
    pub file: String,
}

/// Returns what was written, in the order of the rows.
pub fn draw(rows: &[Row], folder: &Path) -> Result<Vec<Plot>> {
    let mut families: Vec<&str> = rows
        .iter()
        .map(|row| row.scenario.family.as_str())
        .collect();
    families.dedup();
    let mut plots = Vec::new();
    for family in families {
        let points: Vec<&Row> = rows
            .iter()
            .filter(|row| row.scenario.family == family && row.scenario.x.is_some())
            .collect();
        // Two points make a line, not a curve; the table says as much.
        if points.len() < 3 {
            continue;
        }
        let file = format!("{}.svg", file_name(family));
        draw_family(family, &points, &folder.join(&file))
            .map_err(|error| anyhow!("cannot draw {file}: {error}"))?;
        plots.push(Plot {
            family: family.to_owned(),
            file,
        });
    }
    Ok(plots)
}

fn file_name(family: &str) -> String {
    let words = family.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}

fn draw_family(family: &str, rows: &[&Row], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let series: Vec<Series> = SERIES
        .iter()
        .map(|(contender, colour)| {
            let point = |row: &&Row| Some((row.scenario.x?, row.median(*contender)?));
            Series {
                contender: *contender,
                colour: *colour,
                points: rows.iter().filter_map(point).collect(),
            }
        })
        .collect();
    let all: Vec<(f64, f64)> = series
        .iter()
        .flat_map(|series| series.points.clone())
        .collect();
    let range = |pick: fn(&(f64, f64)) -> f64| {
        let values = || all.iter().map(pick).filter(|value| *value > 0.0);
        let (least, most) = (
            values().fold(f64::INFINITY, f64::min),
            values().fold(0.0, f64::max),
        );
        (least.min(most), most)
    };
    let (x_least, x_most) = range(|point| point.0);
    let (y_least, y_most) = range(|point| point.1);
    let unit = rows.first().map_or(Unit::Rate, |row| row.scenario.unit);

    let area = SVGBackend::new(path, (760, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(family, ("sans-serif", 18))
        .margin(12)
        .margin_right(44)
        .x_label_area_size(36)
        .y_label_area_size(84)
        .build_cartesian_2d(
            (x_least..x_most).log_scale(),
            (y_least / 1.3..y_most * 1.3).log_scale(),
        )?;
    let x_name = rows.first().map_or("", |row| x_name(&row.scenario.variant));
    chart
        .configure_mesh()
        .light_line_style(WHITE.mix(0.0))
        .x_desc(x_name)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| with_unit(*y, unit))
        .draw()?;
    for Series {
        contender,
        colour,
        points,
    } in series
    {
        if points.is_empty() {
            continue;
        }
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(contender.title())
            .legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2))
            });
        let dots = points
            .into_iter()
            .map(|point| Circle::new(point, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(match unit {
            // Rates fall with size and number, so the corner above is free; times rise.
            Unit::Rate => SeriesLabelPosition::UpperRight,
            _ => SeriesLabelPosition::UpperLeft,
        })
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    area.present()?;
    Ok(())
}

/// The variants of a family differ in their x: "10 B" is a size, "32 subscribers" a number of them.
fn x_name(variant: &str) -> &str {
    let first = variant.split(',').next().unwrap_or_default();
    let (_, unit) = first.split_once(' ').unwrap_or_default();
    if unit == "B" { "bytes" } else { unit }
}

#[cfg(test)]
mod tests {
    use super::super::measure::samples::{cell, failed, row};
    use super::*;

    #[test]
    fn a_family_of_three_points_becomes_a_plot() {
        let rows: Vec<Row> = [1.0, 100.0, 10_000.0]
            .into_iter()
            .map(|x| {
                let libzmq = if x < 10.0 {
                    failed()
                } else {
                    cell(&[("value", 1e6 / x)])
                };
                let mut row = row(Unit::Rate, libzmq, cell(&[("value", 5e6 / x)]));
                row.scenario.x = Some(x);
                row
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let plots = draw(&rows, folder.path()).unwrap();
        let expected = Plot {
            family: "tcp throughput".to_owned(),
            file: "tcp-throughput.svg".to_owned(),
        };
        assert_eq!(plots, [expected]);
        let svg = std::fs::read_to_string(folder.path().join("tcp-throughput.svg")).unwrap();
        assert!(svg.contains("libzmq") && svg.contains("ozmq"));
        assert!(
            draw(rows.get(..2).unwrap(), folder.path())
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn axes_are_named_after_the_variants() {
        assert_eq!(x_name("10 B"), "bytes");
        assert_eq!(x_name("32 subscribers, 64 B"), "subscribers");
    }
}
